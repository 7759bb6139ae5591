package worker

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// withSlack runs start in a thread with so much timer slack, which the process that
// it starts takes over for all its threads, see PR_SET_TIMERSLACK in prctl(2). A
// process without it is as good.
func withSlack(slack time.Duration, start func() error) error {
	if slack <= 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0) != nil {
		return start()
	}
	defer unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) //nolint:errcheck // it has just worked
	return start()
}
