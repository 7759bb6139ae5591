// Command gatehouse-lab shows Gatehouse at work on this machine: it makes a
// SoftHSM2 token full of other people's keys, starts the gateway and the service
// beside it, and goes through the main job step by step. It is for development
// and is not delivered.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/show"
	"gatehouse/simulators/lab/tour"
)

type cli struct {
	Programs string `help:"Folder of the programs gatehouse and gatehouse-hmg (default: where this one is)." placeholder:"DIR"`

	Run  runCmd  `cmd:"" help:"Show the main job, then stay until Ctrl-C, for trying things by hand."`
	Demo demoCmd `cmd:"" help:"Show the main job and end. Exit status 0 says that every step was true."`

	Balancer balancerCmd `cmd:"" help:"Two gateways behind HAProxy, to break by hand and to see where connections go."`
}

func main() {
	args := os.Args[1:]
	if len(args) == 0 || args[0] == "help" {
		args = []string{"--help"}
	}
	var c cli
	parser := kong.Must(&c, kong.Name("gatehouse-lab"),
		kong.Description("Gatehouse on this machine, with a SoftHSM2 token that holds somebody else's keys."))
	cmd, err := parser.Parse(args)
	parser.FatalIfErrorf(err)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends it at once
	cmd.BindTo(ctx, (*context.Context)(nil))
	if err := cmd.Run(&c); err != nil {
		fmt.Fprintln(os.Stderr, "\ngatehouse-lab:", err)
		os.Exit(1)
	}
}

type runCmd struct {
	Dir string `default:".lab" help:"The lab's folder, made anew each time." placeholder:"DIR"`
}

// Run shows the main job and stays until ctx ends.
func (r *runCmd) Run(ctx context.Context, c *cli) error {
	screen := show.For(os.Stdout)
	l, err := lab.New(lab.Options{Dir: r.Dir, Programs: c.Programs, PIN: rand.Text()[:8]})
	if err != nil {
		return err
	}
	t := tour.New(l)
	if _, err := t.Run(ctx, screen, time.Now); err != nil {
		return errors.Join(err, l.Close(), fmt.Errorf("what it left, with its logs, is in %s", l.Dir))
	}
	next, err := t.Next()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	screen.Heading("Everything stays up until Ctrl-C. To go on by hand:")
	for _, f := range t.Facts() {
		screen.Fact(f[0], f[1])
	}
	for _, n := range next {
		screen.Text("", "  # "+n.What, "  "+n.Line)
	}
	screen.Text("")
	err = l.Running(ctx)
	screen.Text("", "Ending.")
	return errors.Join(err, l.Close())
}

type demoCmd struct{}

// Run shows the main job in a folder that is gone afterwards, unless a step was not true.
func (*demoCmd) Run(ctx context.Context, c *cli) error {
	screen, begun := show.For(os.Stdout), time.Now()
	dir, err := os.MkdirTemp("", "gatehouse-lab-*")
	if err != nil {
		return fmt.Errorf("making the lab's folder: %w", err)
	}
	l, err := lab.New(lab.Options{Dir: dir, Programs: c.Programs, PIN: rand.Text()[:8]})
	if err != nil {
		return err
	}
	steps, err := tour.New(l).Run(ctx, screen, time.Now)
	if err := errors.Join(err, l.Close()); err != nil {
		return errors.Join(err, fmt.Errorf("what it left, with its logs, is in %s", dir))
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the lab's folder: %w", err)
	}
	screen.Text("", fmt.Sprintf("%d steps, each checked, in %.1f s; nothing is left running. `make run` stays up for trying things by hand.",
		steps, time.Since(begun).Seconds()))
	return nil
}
