package assembly

import (
	"os"
	"runtime"
)

// LeaveProcessors leaves a processor to each of so many processes that a slot has,
// as far as there are any to spare, unless GOMAXPROCS says otherwise: where those
// are at work, a thread of Go for each processor costs more switching than it does
// work.
func LeaveProcessors(processes int) {
	if processes > 0 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-processes))
	}
}
