// Package version says which Gatehouse this is. The number is written here and
// nowhere else: programs, the API, the gateway's protocol and the packages take
// it from here. Its values never change while a program runs.
package version

import (
	"runtime/debug"
)

// Number is the product's version, as the API tells it: major.minor.build.
const Number = "0.1.0"

// Text returns the version with the commit and its date, as far as the go
// command stamped them into the program: "0.1.0 (commit 24e238d, 2026-11-22)".
func Text() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Number
	}
	return Of(info)
}

// Of returns the text for a program's build information.
func Of(info *debug.BuildInfo) string {
	var commit, date, changed string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.time":
			date = ", " + s.Value[:min(len(s.Value), len("2006-01-02"))]
		case "vcs.modified":
			if s.Value == "true" {
				changed = " and changes"
			}
		}
	}
	if commit == "" {
		return Number
	}
	return Number + " (commit " + commit + changed + date + ")"
}
