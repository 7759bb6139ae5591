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
	Every int           `default:"1" help:"Inject every n-th fault only." placeholder:"N"`
	Only  string        `help:"Inject only faults whose class or name holds this." placeholder:"TEXT"`
	Part  []string      `default:"faults,hang,pins" enum:"faults,hang,pins" help:"What to do: faults, hang or pins."`
	Hang  time.Duration `default:"10s" help:"How long the slot hangs."`
	Write string        `help:"Write the tables into this document, between its marks." placeholder:"FILE" type:"path"`
}

// Run injects the faults of the table, hangs a slot, and tries wrong PINs.
func (r *runCmd) Run(ctx context.Context, c *cli) error {
	parts := map[string]func(context.Context, *cli) (text string, wrong int, err error){"faults": r.faults, "hang": r.hang, "pins": r.pins}
	document, wrong := "", 0
	for _, name := range r.Part {
		text, n, err := parts[name](ctx, c)
		if err != nil {
			return err
		}
		document += text
		wrong += n
	}
	if r.Write != "" {
		if err := write(r.Write, "faults", document); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d violations", wrong)
	}
	return nil
}

func (r *runCmd) hang(ctx context.Context, c *cli) (string, int, error) {
	var isolation campaign.Isolation
	fmt.Printf("One slot of two hangs for %s:\n", r.Hang)
	err := c.within(ctx, func(w *campaign.World) (err error) { isolation, err = campaign.Isolate(ctx, w, r.Hang); return err })
	fmt.Print(isolation)
	return fmt.Sprintf("\nOne slot of two hung for %s:\n\n", r.Hang) + lines(isolation.String()), tell(isolation.Violations), err
}

func (r *runCmd) pins(ctx context.Context, c *cli) (string, int, error) {
	var pins campaign.WrongPINs
	fmt.Println("Ten connections have a wrong PIN:")
	err := c.within(ctx, func(w *campaign.World) (err error) { pins, err = campaign.TryPINs(ctx, w); return err })
	fmt.Print(pins)
	return "\nWrong PINs:\n\n" + lines(pins.String()), tell(pins.Violations), err
}

func (r *runCmd) faults(ctx context.Context, c *cli) (string, int, error) {
	var report campaign.Report
	all := campaign.Faults()
	err := c.within(ctx, func(w *campaign.World) error {
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
	if err != nil || len(report.Results) == 0 {
		return "", 0, err
	}
	fmt.Print("\n", report.Table(), "\n", lost(report), "\n")
	return report.Table(), report.Violations(), nil
}

// lost tells what SoftHSM2 has lost by its own doing.
func lost(r campaign.Report) string {
	return fmt.Sprintf("Tokens that SoftHSM2 left half written, when its process died in C_Login, and whose files were put back: %d\n", r.Lost())
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
