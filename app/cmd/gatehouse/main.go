// Gatehouse is the key management service: it puts the HSMs of an organisation
// behind one REST API.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"gatehouse/app/assembly"
	"gatehouse/app/assembly/manual"
	"gatehouse/app/assembly/service"
	"gatehouse/app/assembly/settings"
	"gatehouse/app/assembly/version"
)

const description = `Gatehouse puts every HSM of an organisation behind one REST API.

Start it, note the administrator's password that the first start prints, and open https://HOST:8443/docs:

  gatehouse serve --data-dir /var/lib/gatehouse

Everything that must outlive the machine is in the data folder. Back it up, and the master key apart from it.`

type program struct {
	Serve     serve            `cmd:"" default:"withargs"                                        help:"Run the service."`
	MasterKey masterKey        `cmd:"" help:"Look after the key that everything is sealed with." name:"master-key"`
	Manual    manual.Command   `cmd:"" hidden:""                                                 help:"Write a part of the manual page."`
	Config    config           `cmd:"" help:"Look at the configuration."`
	Version   kong.VersionFlag `help:"Print the version."`
}

type serve struct{ service.Config }

// Check tells everything that keeps the service from starting.
func (s serve) Check(ctx context.Context) error { return s.Trial(ctx) }

func (s serve) Run(ctx context.Context) error {
	if err := s.Trial(ctx); err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	s.Hangup = hangup
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	return service.Serve(ctx, s.Config, os.Stdout, log, func(net.Addr) { assembly.Ready(log) })
}

type masterKey struct {
	Rotate rotate `cmd:"" help:"Re-seal everything under a new master key. The service must be stopped. If it is interrupted, run it again."`
}

type rotate struct{ service.StoreConfig }

func (r rotate) Run(ctx context.Context) error {
	resealed, err := r.RotateMasterKey(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Re-sealed under the new master key: %d.\n", resealed)
	if r.MasterKey == "file" {
		fmt.Println("Back up the master key file now: the old key is gone from it.")
	} else {
		fmt.Println("The old master key is no longer needed: remove it from where you gave it.")
	}
	return nil
}

type config struct {
	Check check `cmd:"" help:"Tell what is wrong with the configuration, without starting."`
}

type check struct{ service.Config }

func (check) Run() error { // what is wrong has been told
	fmt.Println("The configuration is good.")
	return nil
}

func main() {
	assembly.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := settings.Run(ctx, &program{}, os.Args[1:], kong.Name("gatehouse"), kong.Description(description),
		kong.Vars{"version": version.Text()})
	stop()
	os.Exit(settings.End(os.Stderr, "gatehouse", err))
}
