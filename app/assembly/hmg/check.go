package hmg

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
)

// trial is how long a library may take to load when only that is asked.
const trial = 20 * time.Second

// mostWorkers bounds PKCS11_WORKERS: each is a process with a login and sessions
// of its own, for each slot, and far fewer keep an HSM busy.
const mostWorkers = 64

// Validate reports everything that is wrong with the configuration, joined,
// without starting anything; the library is looked for, and not loaded.
func (c Config) Validate() error {
	return errors.Join(c.checkTLS(time.Now()), c.checkPorts(), c.checkLimits(), c.LibraryConfig.Validate())
}

// Trial reports everything that keeps a gateway from starting here and now,
// joined: what Validate finds, ports in use, a library that does not load.
func (c Config) Trial(ctx context.Context) error {
	return errors.Join(c.Validate(), c.Free(ctx), c.loads(ctx))
}

func (c Config) checkTLS(now time.Time) error {
	l, err := c.loadTLS()
	if err != nil {
		return err
	}
	return errors.Join(c.current(l, now), c.trusted(l, now))
}

// current reports whether the gateway's certificate is of use at a time.
func (c Config) current(l tlsconf.Loaded, now time.Time) error {
	own, err := x509.ParseCertificate(l.Config.Certificates[0].Certificate[0])
	switch {
	case err != nil:
		return fault.New(fault.Invalid, "CERT_FILE: %s: the certificate cannot be read", c.CertFile)
	case now.After(own.NotAfter):
		return fault.New(fault.Invalid, "CERT_FILE: the certificate in %s expired on %s", c.CertFile, day(own.NotAfter))
	case now.Before(own.NotBefore):
		return fault.New(fault.Invalid, "CERT_FILE: the certificate in %s is not valid before %s", c.CertFile, day(own.NotBefore))
	default:
		return nil
	}
}

// trusted reports whether one of the CAs of clients is of use at a time.
func (c Config) trusted(l tlsconf.Loaded, now time.Time) error {
	var last time.Time
	for _, d := range l.Dates {
		if d.Setting == "CA_FILE" && d.NotAfter.After(last) {
			last = d.NotAfter
		}
	}
	if c.CAFile != "" && now.After(last) {
		return fault.New(fault.Invalid, "CA_FILE: every certificate in %s has expired, the last on %s", c.CAFile, day(last))
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func (c Config) checkPorts() error {
	var wrong []error
	if c.Port == 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "HMG_LISTEN_PORT is 0: name a port"))
	}
	used := map[uint16]string{}
	for _, p := range c.ports() {
		if other, clash := used[p.number]; clash && p.number != 0 {
			wrong = append(wrong, fault.New(fault.Invalid, "%s and %s are the same port", other, p.setting))
		}
		used[p.number] = p.setting
	}
	if c.Address != "" && net.ParseIP(c.Address) == nil {
		wrong = append(wrong, fault.New(fault.Invalid, "HMG_LISTEN_ADDRESS is not an IP address"))
	}
	return errors.Join(wrong...)
}

// checkLimits reports numbers and times that nothing can be done with.
func (c Config) checkLimits() error {
	var wrong []error
	if c.Workers < 0 || c.Workers > mostWorkers {
		wrong = append(wrong, fault.New(fault.Invalid, "PKCS11_WORKERS must be 0 to %d", mostWorkers))
	}
	if c.Queue < 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "HMG_QUEUE must not be negative"))
	}
	for _, t := range []struct {
		setting string
		value   time.Duration
	}{{"HMG_QUEUE_TIME", c.QueueTime}, {"HMG_DRAIN", c.Drain}, {"HMG_RELOAD_EVERY", c.Reload}} {
		if t.value < 0 {
			wrong = append(wrong, fault.New(fault.Invalid, "%s must not be negative", t.setting))
		}
	}
	return errors.Join(wrong...)
}

// A port is a setting that names one.
type port struct {
	number  uint16
	setting string
}

func (c Config) ports() [3]port {
	return [...]port{{c.Port, "HMG_LISTEN_PORT"}, {c.HealthPort, "HMG_HEALTH_PORT"}, {c.HealthTLSPort, "HMG_HEALTH_TLS_PORT"}}
}

// Free reports which ports cannot be listened on now, joined; not what Validate
// finds.
func (c Config) Free(ctx context.Context) error {
	var wrong []error
	for _, p := range c.ports() {
		if p.number == 0 || c.Address != "" && net.ParseIP(c.Address) == nil {
			continue
		}
		l, err := c.open(ctx, p)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		l.Close()
	}
	return errors.Join(wrong...)
}

// open listens on a port.
func (c Config) open(ctx context.Context, p port) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", c.at(p.number))
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.Wrap(fault.Unavailable, syscall.EADDRINUSE, "%s: port %d", p.setting, p.number)
	case errors.Is(err, syscall.EACCES):
		return nil, fault.New(fault.Invalid, "%s: port %d needs a privilege that %s lacks: use one above 1023", p.setting, p.number, who())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fault.New(fault.Invalid, "HMG_LISTEN_ADDRESS: this machine has no address %s", c.Address)
	default:
		return nil, fmt.Errorf("%s: %w", p.setting, err)
	}
}

// Validate reports whether the library is set and is a file that can be read.
func (c LibraryConfig) Validate() error {
	var wrong []error
	if c.Library == "" {
		wrong = append(wrong, fault.New(fault.Invalid, "PKCS11_LIB_PATH is not set: name the HSM's PKCS#11 library"))
	} else if err := readable(c.Library); err != nil {
		wrong = append(wrong, err)
	}
	if c.Sessions < 1 || c.Sessions > 1024 {
		wrong = append(wrong, fault.New(fault.Invalid, "PKCS11_SESSIONS must be 1 to 1024"))
	}
	return errors.Join(wrong...)
}

func readable(library string) error {
	if info, err := os.Stat(library); err == nil && !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, "PKCS11_LIB_PATH: %s is not a file", library)
	}
	f, err := os.Open(library)
	switch {
	case err == nil:
		f.Close() //nolint:errcheck // only opened
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Invalid, "PKCS11_LIB_PATH: %s may not be read by %s", library, who())
	default:
		return fault.New(fault.Invalid, "PKCS11_LIB_PATH: %s is not a file", library)
	}
}

// loads reports whether the library can be loaded. One that Validate refuses
// has been told of.
func (c LibraryConfig) loads(ctx context.Context) error {
	if c.Validate() != nil {
		return nil //nolint:nilerr // told of
	}
	done := make(chan error, 1)
	go func() { //nolint:contextcheck // loading a library cannot be cancelled
		m, err := load(c, slog.New(slog.DiscardHandler))
		if err == nil {
			err = m.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(trial):
		return fault.New(fault.Unavailable, "PKCS11_LIB_PATH: %s does not load within %s", c.Library, trial)
	}
}

// who names the user that this program runs as.
func who() string {
	if u, err := user.Current(); err == nil {
		return "user " + u.Username
	}
	return "user " + strconv.Itoa(os.Getuid())
}
