package assembly

import (
	"os"
	"runtime"
)

// LeaveProcessors leaves a processor to each of so many processes that work for
// this one, as far as there are any to spare, unless GOMAXPROCS says otherwise:
// where all are at work a thread of Go for each processor costs more switching
// than it does work.
func LeaveProcessors(processes int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-processes))
	}
}
