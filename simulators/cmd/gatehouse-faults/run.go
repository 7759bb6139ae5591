package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/simulators/campaign"
)

type runCmd struct {
	Every int    `default:"1" help:"Inject every n-th fault only." placeholder:"N"`
	Only  string `help:"Inject only faults whose class or name holds this." placeholder:"TEXT"`
	Write string `help:"Write the tables into this document, between its marks." placeholder:"FILE" type:"path"`
}

// Run injects the faults of the table, hangs a slot, and tries wrong PINs.
func (r *runCmd) Run(ctx context.Context, c *cli) error {
	report, err := r.faults(ctx, c)
	if err != nil {
		return err
	}
	fmt.Print("\n", report.Table(), "\n")
	wrong := report.Violations()

	var isolation campaign.Isolation
	fmt.Println("A slot hangs for 6 s …")
	err = c.within(ctx, func(w *campaign.World) (err error) {
		isolation, err = campaign.Isolate(ctx, w, 6*time.Second)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Print(isolation)
	wrong += tell(isolation.Violations)

	var pins campaign.WrongPINs
	fmt.Println("Ten connections have a wrong PIN …")
	err = c.within(ctx, func(w *campaign.World) (err error) { pins, err = campaign.TryPINs(ctx, w); return err })
	if err != nil {
		return err
	}
	fmt.Print(pins)
	wrong += tell(pins.Violations)

	if r.Write != "" {
		if err := write(r.Write, "faults", report.Table()+"\n"+lines(isolation.String())+lines(pins.String())); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d violations", wrong)
	}
	return nil
}

func (r *runCmd) faults(ctx context.Context, c *cli) (report campaign.Report, err error) {
	all := campaign.Faults()
	return report, c.within(ctx, func(w *campaign.World) error {
		run, err := campaign.Begin(ctx, w, 14, 2)
		if err != nil {
			return err
		}
		defer func() { _ = run.End() }()
		for i, f := range all {
			if i%r.Every != 0 || !strings.Contains(f.Class+": "+f.Name, r.Only) {
				continue
			}
			res, err := run.Inject(ctx, f)
			fmt.Printf("%3d/%d %-24s back %4d ms, %4d good, %3d failed  %s\n", i+1, len(all), f.Class, res.Back.Milliseconds(), res.Good, res.Failed, f.Name)
			tell(res.Violations)
			if err != nil {
				return err
			}
			report.Results = append(report.Results, res)
		}
		if report.Violations() > 0 {
			c.Keep = true
		}
		return nil
	})
}

func tell(violations []string) int {
	for _, v := range violations {
		fmt.Println("    VIOLATION:", v)
	}
	return len(violations)
}

// lines makes a list in Markdown of lines.
func lines(text string) string {
	return "- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n- ") + "\n"
}

// write puts text between the marks <!-- NAME --> and <!-- end --> of a document.
func write(path, name, text string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, found := strings.Cut(string(document), "<!-- "+name+" -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		return errors.New("the document has no marks for " + name)
	}
	if err := os.WriteFile(path, []byte(before+"<!-- "+name+" -->\n"+text+"<!-- end -->"+after), 0o600); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
