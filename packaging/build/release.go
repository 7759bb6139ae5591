package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"gatehouse/app/assembly/version"
)

// A release is what the packages are made of.
type release struct {
	number     string // as version.Number
	prerelease string // what sorts before the number, when its tag is elsewhere; empty for the release itself
	commit     string // empty outside git
	date       time.Time
}

// full is the version as both formats write it.
func (r release) full() string {
	if r.prerelease == "" {
		return r.number
	}
	return r.number + "~" + r.prerelease
}

// findRelease asks git. The tag v1.2.3 makes a commit the release 1.2.3; any
// other is what comes before it, in the order of time. SOURCE_DATE_EPOCH, when
// set, counts for more than the commit's time.
func findRelease(ctx context.Context) (release, error) {
	r := release{number: version.Number, date: time.Unix(0, 0).UTC()}
	head, err := run(ctx, nil, "git", "log", "-1", "--format=%H %ct")
	if err == nil {
		commit, seconds, _ := strings.Cut(strings.TrimSpace(head), " ")
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return r, fmt.Errorf("the time of the commit: %w", err)
		}
		r.commit, r.date = commit, time.Unix(n, 0).UTC()
		r.prerelease = "git" + r.date.Format("20060102150405") + "." + commit[:min(len(commit), 8)]
		tags, err := run(ctx, nil, "git", "tag", "--points-at", "HEAD")
		if err != nil {
			return r, err
		}
		for tag := range strings.FieldsSeq(tags) {
			if tag == "v"+r.number {
				r.prerelease = ""
			}
		}
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return r, errors.New("SOURCE_DATE_EPOCH is not a number of seconds")
		}
		r.date = time.Unix(n, 0).UTC()
	}
	return r, nil
}

// run runs a program and returns what it prints.
func run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, args[0], err, strings.TrimSpace(wrong.String()+out.String()))
	}
	return out.String(), nil
}
