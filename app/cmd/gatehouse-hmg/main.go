// Gatehouse-hmg is the gateway: it runs beside an HSM, loads its PKCS#11
// library, and lets the service use its keys over mutual TLS.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"gatehouse/app/assembly"
	"gatehouse/app/assembly/hmg"
	"gatehouse/app/assembly/manual"
	"gatehouse/app/assembly/settings"
	"gatehouse/app/assembly/version"
)

const description = `The HSM gateway of Gatehouse: runs beside an HSM, loads its PKCS#11 library, and lets the service use its keys over TLS.

Every setting is a flag or a variable, and variables may stand in a file:

  # /etc/default/gatehouse-hmg
  CERT_FILE=/etc/gatehouse-hmg/pki/cert.p12
  CA_FILE=/etc/gatehouse-hmg/pki/ca.pem
  PKCS11_LIB_PATH=/usr/lib/softhsm/libsofthsm2.so

  gatehouse-hmg --config-file /etc/default/gatehouse-hmg config check
  gatehouse-hmg --config-file /etc/default/gatehouse-hmg slots
  gatehouse-hmg --config-file /etc/default/gatehouse-hmg doctor
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
	Worker     workerProcess    `cmd:"" hidden:"" help:"Be a worker process of a gateway, which starts it."`
	Manual     manual.Command   `cmd:"" hidden:"" help:"Write a part of the manual page."`
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

// Check tells everything that keeps the gateway from starting.
func (s serve) Check(ctx context.Context) error { return s.Trial(ctx) }

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
	assembly.LeaveProcessors(s.Workers)
	lib, err := hmg.Start(ctx, s.Config, log)
	if err != nil {
		return errors.Join(err, s.Free(ctx))
	}
	return hmg.Serve(ctx, s.Config, lib, log, func(hmg.Addresses) { assembly.Ready(log) })
}

type workerProcess struct {
	hmg.LibraryConfig

	LogLevel string `default:"info" env:"HMG_LOG_LEVEL" hidden:""`
}

// Run serves the gateway that started this process until that ends.
func (w workerProcess) Run(ctx context.Context) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // the gateway tells when to end
	level, err := hmg.Config{LogLevel: w.LogLevel}.Level()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	return hmg.Work(context.WithoutCancel(ctx), w.LibraryConfig, log.With(slog.Int("worker", os.Getpid())))
}

type config struct {
	Check check `cmd:"" help:"Tell what is wrong with the configuration, without starting."`
}

type check struct{ hmg.Config }

// Run checks the configuration.
func (check) Run() error { // what is wrong has been told
	fmt.Println("The configuration is good.")
	return nil
}

func main() {
	assembly.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := settings.Run(ctx, &program{}, os.Args[1:], kong.Name("gatehouse-hmg"), kong.Description(description),
		kong.Vars{"version": version.Text()})
	stop()
	os.Exit(settings.End(os.Stderr, "gatehouse-hmg", err))
}
