package lab_test

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// untilGone waits until no process has that number, for half a minute at most.
func untilGone(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		if err == unix.ESRCH {
			return nil
		}
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int((30 * time.Second).Milliseconds()))
	if err == nil && n == 0 {
		return context.DeadlineExceeded
	}
	return err
}
