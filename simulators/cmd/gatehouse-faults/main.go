// Command gatehouse-faults proves on this machine that a gateway heals itself:
// it injects faults under load and checks what clients see. It is for
// development and is not delivered.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"gatehouse/simulators/campaign"
)

type cli struct {
	Programs string `help:"Folder of the program gatehouse-hmg (default: where this one is)." placeholder:"DIR"`
	Keep     bool   `help:"Keep the folder with the logs also when all is well."`

	Run  runCmd  `cmd:"" default:"withargs" help:"Inject faults one after the other, hang a slot, and try wrong PINs."`
	Soak soakCmd `cmd:"" help:"Inject random faults for long, and look for leaks."`
}

func main() {
	var c cli
	parser := kong.Must(&c, kong.Name("gatehouse-faults"), kong.Description("Faults under load, and what a gateway makes of them."))
	cmd, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if c.Programs == "" {
		self, err := os.Executable()
		parser.FatalIfErrorf(err)
		c.Programs = filepath.Dir(self)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends it at once
	cmd.BindTo(ctx, (*context.Context)(nil))
	if err := cmd.Run(&c); err != nil {
		fmt.Fprintln(os.Stderr, "\ngatehouse-faults:", err)
		os.Exit(1)
	}
}

// within makes a world in a folder of its own, does something in it, and
// clears it away if all was well.
func (c *cli) within(ctx context.Context, do func(*campaign.World) error) error {
	dir, err := os.MkdirTemp("", "gatehouse-faults-*")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	w, err := campaign.New(ctx, campaign.Options{Dir: dir, Programs: c.Programs})
	if err != nil {
		return err
	}
	err = do(w)
	err = errors.Join(err, w.Close())
	if err != nil || c.Keep {
		fmt.Println("logs:", dir)
		return err
	}
	return os.RemoveAll(dir)
}
