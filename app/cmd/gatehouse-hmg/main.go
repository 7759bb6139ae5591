// Gatehouse-hmg is the gateway: it runs beside an HSM, loads its PKCS#11
// library, and lets the service use its keys over mutual TLS.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"gatehouse/app/assembly"
	"gatehouse/app/assembly/hmg"
	"gatehouse/app/assembly/version"
)

const description = `The HSM gateway of Gatehouse: runs beside an HSM, loads its PKCS#11 library, and lets the service use its keys over TLS.

Every setting is a flag or a variable, and variables may stand in a file:

  # /etc/default/gatehouse-hmg
  CERT_FILE=/etc/gatehouse/pki/cert.p12
  CA_FILE=/etc/gatehouse/pki/ca.pem
  PKCS11_LIB_PATH=/usr/lib/softhsm/libsofthsm2.so

  gatehouse-hmg --config-file /etc/default/gatehouse-hmg config check
  gatehouse-hmg --config-file /etc/default/gatehouse-hmg slots
  gatehouse-hmg --config-file /etc/default/gatehouse-hmg

A certificate for a first try:

  openssl req -x509 -newkey rsa:3072 -nodes -days 365 -keyout key.pem -out cert.pem -subj /CN=$(hostname -f)
  openssl pkcs12 -export -passout pass: -inkey key.pem -in cert.pem -out cert.p12

GET /health answers 204 on ports 4441 (HTTP) and 4440 (HTTPS) while every slot in use serves.`

type program struct {
	ConfigFile configFile       `help:"File of KEY=VALUE lines to take variables from that are not set." name:"config-file"   placeholder:"FILE"`
	Serve      serve            `cmd:""                                                                  default:"withargs"   help:"Run the gateway (this is what it does when nothing else is asked)."`
	Slots      slots            `cmd:""                                                                  help:"List the slots of the PKCS#11 library, as pkcs11-tool -L does."`
	Doctor     doctor           `cmd:""                                                                  help:"Say what the PKCS#11 library and its tokens can do, and what is missing."`
	Config     config           `cmd:""                                                                  help:"Look at the configuration."`
	Version    kong.VersionFlag `help:"Print the version."`
}

// configFile is read before variables are.
type configFile string

// BeforeReset reads the file, so that the variables in it count.
func (configFile) BeforeReset(c *kong.Context, trace *kong.Path) error {
	path, ok := c.FlagValue(trace.Flag).(configFile)
	if !ok {
		return nil
	}
	return hmg.LoadEnvFile(string(path))
}

type serve struct{ hmg.Config }

// Run runs the gateway.
func (s serve) Run(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	s.Hangup = hangup
	level, err := s.Level()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	if err := s.Validate(); err != nil {
		return err
	}
	lib, err := hmg.Load(s.LibraryConfig, log) //nolint:contextcheck // loading a library cannot be cancelled
	if err != nil {
		return err
	}
	return hmg.Serve(ctx, s.Config, lib, log, nil)
}

type config struct {
	Check check `cmd:"" help:"Tell what is wrong with the configuration, without starting."`
}

type check struct{ hmg.Config }

// Run checks the configuration.
func (c check) Run() error {
	if err := c.Validate(); err != nil {
		return err
	}
	fmt.Println("The configuration is good.")
	return nil
}

func main() {
	assembly.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse-hmg:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	parser, err := kong.New(&program{}, kong.Name("gatehouse-hmg"), kong.Description(description),
		kong.Vars{"version": version.Text()}, kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		return err
	}
	return parsed.Run()
}
