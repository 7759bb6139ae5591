//go:build !linux

package worker

import "time"

// withSlack runs start: only Linux has timer slack.
func withSlack(_ time.Duration, start func() error) error { return start() }
