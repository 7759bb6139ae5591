package main

import (
	"context"
	"fmt"
	"time"

	"gatehouse/simulators/campaign"
)

type soakCmd struct {
	Lasting time.Duration `arg:"" default:"1h" help:"How long."`
	Seed    uint64        `help:"Repeat the order of faults of a run that printed this." placeholder:"N"`
	Write   string        `help:"Write the table into this document, between its marks." placeholder:"FILE" type:"path"`
}

// Run injects faults at random and looks for leaks.
func (s *soakCmd) Run(ctx context.Context, c *cli) error {
	if s.Seed == 0 {
		s.Seed = campaign.Seed()
	}
	fmt.Printf("Random faults for %s, seed %d\n", s.Lasting, s.Seed)
	var soak campaign.Soak
	shown := 0
	violations := func(results []campaign.Result) { // at once: a soak may be broken off
		for _, r := range results[shown:] {
			if len(r.Violations) > 0 {
				fmt.Println(r.Fault.Name)
			}
			tell(r.Violations)
		}
		shown = len(results)
	}
	err := c.within(ctx, func(w *campaign.World) (err error) {
		soak, err = campaign.RunSoak(ctx, w, s.Lasting, s.Seed, func(so campaign.Soak) {
			m := so.Measures[len(so.Measures)-1]
			fmt.Printf("%8s  %4d faults, %d violations; %d descriptors, %d threads, %d goroutines, %d MB; %d workers\n", m.At.Round(time.Second),
				len(so.Report.Results), so.Report.Violations(), m.Descriptors, m.Threads, m.Goroutines, m.Resident>>20, m.Workers)
			violations(so.Report.Results)
		})
		return err
	})
	violations(soak.Report.Results)
	if err != nil {
		return err
	}
	fmt.Print("\n", soak.Table(), "\n", soak.Report.Table(), "\n", lost(soak.Report), "\n")
	tell(soak.Found)
	if s.Write != "" {
		if err := write(s.Write, "soak", soak.Table()); err != nil {
			return err
		}
	}
	if n := len(soak.Found) + soak.Report.Violations(); n > 0 {
		return fmt.Errorf("%d violations or leaks; seed %d", n, s.Seed)
	}
	return nil
}
