package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/simulators/campaign"
)

type runCmd struct {
	Every int    `default:"1" help:"Inject every n-th fault only." placeholder:"N"`
	Only  string `help:"Inject only faults whose class or name holds this." placeholder:"TEXT"`
}

// Run injects the faults of the table.
func (r *runCmd) Run(ctx context.Context, c *cli) error {
	return c.within(ctx, func(w *campaign.World) error {
		run, err := campaign.Begin(ctx, w, 14, 2)
		if err != nil {
			return err
		}
		defer run.End()
		bad := 0
		for i, f := range campaign.Faults() {
			if i%r.Every != 0 || !strings.Contains(f.Class+": "+f.Name, r.Only) {
				continue
			}
			res, err := run.Inject(ctx, f)
			fmt.Printf("%3d %-22s %-70s good %5d failed %4d %v back %s full %s strays %d\n", i, f.Class, f.Name, res.Good, res.Failed, res.Reasons, res.Back.Round(time.Millisecond), res.Full.Round(time.Millisecond), res.Strays)
			for _, v := range res.Violations {
				bad++
				fmt.Println("    !", v)
			}
			if err != nil {
				return err
			}
		}
		if bad > 0 {
			return fmt.Errorf("%d violations", bad)
		}
		return nil
	})
}
