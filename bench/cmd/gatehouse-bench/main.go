// Gatehouse-bench measures what each hop to a key costs, in one run: directly
// in SoftHSM2, through a gateway, and through REST and gateway; what each number
// of the gateway's worker processes gains; and what a sync costs against a raw
// inventory.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/alecthomas/kong"
)

type program struct {
	Programs string        `default:"bin"           help:"Folder of the programs gatehouse and gatehouse-hmg."`
	Results  string        `default:"bench/results" help:"Folder for the results as JSON."`
	Each     time.Duration `default:"1s"            help:"How long each measurement of a round takes."`
	Rounds   int           `default:"3"             help:"Rounds; the median of the rates counts."`
	Callers  []int         `default:"1,16,64,256"   help:"Numbers of callers at once."`
	Workers  []int         `default:"1,2,4"         help:"Numbers of the gateway's worker processes that are compared, at the most callers; none: leave the comparison out."`
	Objects  []int         `default:"1000,10000"    help:"Sizes of the inventories that are synced; none: leave the syncs out."`
}

func main() {
	if err := measured(); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse-bench:", err)
		os.Exit(1)
	}
}

func measured() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var p program
	kong.Parse(&p, kong.Name("gatehouse-bench"), kong.Description("Measures what each hop to a key costs. Only ratios within one run mean anything."))
	return run(ctx, p)
}
