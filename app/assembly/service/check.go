package service

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"gatehouse/core/fault"
)

// Validate tells everything that is wrong with the configuration, joined, as
// far as that shows without starting. Kong calls it too.
func (c Config) Validate() error {
	wrong := []error{c.Links.Validate()}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong = append(wrong, fault.New(fault.Invalid, "--listen must be an address and port, such as :8443"))
	}
	if c.MasterKey == "passphrase" && c.PassphraseFile == "" {
		wrong = append(wrong, fault.New(fault.Invalid, "--master-passphrase-file is required when the master key comes from a passphrase"))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		wrong = append(wrong, fault.New(fault.Invalid, "--tls-cert and --tls-key are given together or not at all"))
	}
	if c.RecoverEvery <= 0 || c.RecoveryGrace <= 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "--recover-every and --recovery-grace must be longer than nothing"))
	}
	if c.ProbeEvery < 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "--probe-every must not be negative"))
	}
	if c.DrainWithin < 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "--drain-within must not be negative"))
	}
	return errors.Join(wrong...)
}

// Trial tells everything that keeps the service from starting here and now,
// joined: what Validate finds, files, the data folder and the port. It changes
// nothing.
func (c Config) Trial(ctx context.Context) error {
	wrong := []error{c.Validate(), readable(c.PassphraseFile, "--master-passphrase-file"), c.tryData(), c.tryPort(ctx)}
	if c.TLSCert != "" && c.TLSKey != "" {
		_, err := c.loadTLS()
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func readable(path, setting string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.Invalid, "%s: %s", setting, plain(err, path, "read"))
	}
	f.Close() //nolint:errcheck // only opened
	return nil
}

// plain says in words why a file or folder is of no use.
func plain(err error, path, verb string) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return path + " may not be " + map[string]string{"read": "read", "write": "written to"}[verb] + " by " + who()
	case errors.Is(err, fs.ErrNotExist):
		return path + " is not there"
	case errors.Is(err, syscall.EROFS):
		return path + " is on a file system that is read-only"
	case errors.Is(err, syscall.ENOTDIR):
		return path + " is not a folder"
	default:
		return path + ": " + err.Error()
	}
}

// who names the user that this program runs as.
func who() string {
	if u, err := user.Current(); err == nil {
		return "user " + u.Username
	}
	return "user " + strconv.Itoa(os.Getuid())
}

// tryData tells whether the data folder, or the folder to make it in, can be
// written to.
func (c Config) tryData() error {
	dir := filepath.Clean(c.DataDir)
	for {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			err = syscall.Access(dir, 2|1) // W_OK, X_OK
		}
		if err != nil {
			return fault.New(fault.Invalid, "--data-dir: %s", plain(err, dir, "write"))
		}
		return nil
	}
}

func (c Config) tryPort(ctx context.Context) error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return nil //nolint:nilerr // Validate tells
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", c.Listen)
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.Wrap(fault.Unavailable, syscall.EADDRINUSE, "--listen: %s", c.Listen)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.Invalid, "--listen: %s needs a privilege that %s lacks: use a port above 1023", c.Listen, who())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fault.New(fault.Invalid, "--listen: this machine has no address %s", c.Listen)
	default:
		return fault.Wrap(fault.Invalid, err, "--listen: %s", c.Listen)
	}
}
