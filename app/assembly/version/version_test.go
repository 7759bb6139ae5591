package version_test

import (
	"regexp"
	"runtime/debug"
	"testing"

	"gatehouse/app/assembly/version"
)

func TestOf(t *testing.T) {
	t.Parallel()
	stamped := func(kv ...string) *debug.BuildInfo {
		info := new(debug.BuildInfo)
		for i := 0; i < len(kv); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: kv[i], Value: kv[i+1]})
		}
		return info
	}
	const commit, date = "24e238d0123456789abcdef", "2026-11-22T00:10:00Z"
	for _, c := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"outside git", stamped(), version.Number},
		{"a commit", stamped("vcs.revision", commit, "vcs.time", date, "vcs.modified", "false"), version.Number + " (commit 24e238d01234, 2026-11-22)"},
		{"a commit and more", stamped("vcs.revision", commit, "vcs.time", date, "vcs.modified", "true"), version.Number + " (commit 24e238d01234 and changes, 2026-11-22)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := version.Of(c.info); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`).MatchString(version.Number) {
		t.Errorf("got %q, want major.minor.build", version.Number)
	}
}
