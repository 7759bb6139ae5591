package assembly

import (
	"os"
	"runtime/debug"
)

// heapGrowth is how much the heap may grow, in percent of what is in use,
// before garbage is collected. The programs' heaps are small and their requests
// short, so that collecting less often gives the time to requests.
const heapGrowth = 400

// TuneMemory sets the programs' garbage collection, unless GOGC says otherwise.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
