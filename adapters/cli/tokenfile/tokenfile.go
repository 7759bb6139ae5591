// Package tokenfile keeps the sessions of the command line between its runs, in
// a file of lines as the vendor's tool has it: user-token=, app-token=,
// cert-path=, key-path=, end-point=, proxy=, and ca-cert=, which is ours.
//
// It guarantees that the file is readable by its owner only: what others could
// read is refused, and a new file replaces the old one at once or not at all.
// The command line uses it; two runs at once may overwrite each other's change.
package tokenfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// File is what the file holds. Tokens belong to the service at Endpoint.
type File struct {
	UserToken secret.Value
	AppToken  secret.Value
	CertPath  string // of the app that logged in with a certificate
	KeyPath   string
	Endpoint  string
	Proxy     string
	CACert    string // PEM file of the CAs that the service's certificate was checked against
}

// Empty reports whether nobody is logged in.
func (f File) Empty() bool { return f.UserToken.Empty() && f.AppToken.Empty() }

// maxSize bounds what is read, in bytes.
const maxSize = 64 << 10

// Read reads the file at path; one that is not there is empty. Denied when
// others than its owner may read or change it: its tokens must then be taken
// for known.
func Read(path string) (File, error) {
	var f File
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("reading the session file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return f, fault.New(fault.Denied,
			"session file %s has mode %04o: others can read it, so it is not used; delete it, and log in again", path, mode)
	}
	if info.Size() > maxSize {
		return f, fault.New(fault.Invalid, "session file %s is longer than %d bytes", path, maxSize)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("reading the session file: %w", err)
	}
	return parse(b), nil
}

// parse reads the lines; what it does not know it leaves out.
func parse(b []byte) File {
	var f File
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if value == "None" { // as the vendor's tool writes what is not set
			value = ""
		}
		switch strings.TrimSpace(name) {
		case "user-token":
			f.UserToken = secret.FromString(value)
		case "app-token":
			f.AppToken = secret.FromString(value)
		case "cert-path":
			f.CertPath = value
		case "key-path":
			f.KeyPath = value
		case "end-point":
			f.Endpoint = value
		case "proxy":
			f.Proxy = value
		case "ca-cert":
			f.CACert = value
		}
	}
	return f
}

// Write replaces the file at path; without tokens it removes it.
func Write(path string, f File) error {
	if f.Empty() {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the session file: %w", err)
		}
		return nil
	}
	for _, v := range []string{f.CertPath, f.KeyPath, f.Endpoint, f.Proxy, f.CACert} {
		if strings.ContainsAny(v, "\r\n") {
			return fault.New(fault.Invalid, "a path or address holds the end of a line")
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the session file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".gatehouse-token-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the session file: %w", err)
	}
	_, err = temp.Write(f.text())
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the session file: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

func (f File) text() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# Sessions of gatehouse-cli. Whoever can read this can act as you until you log out.")
	line := func(name string, value []byte) {
		if len(value) > 0 {
			fmt.Fprintf(&b, "%s=%s\n", name, value)
		}
	}
	line("user-token", f.UserToken.Reveal(reveal.Permit{}))
	line("app-token", f.AppToken.Reveal(reveal.Permit{}))
	line("cert-path", []byte(f.CertPath))
	line("key-path", []byte(f.KeyPath))
	line("end-point", []byte(f.Endpoint))
	line("proxy", []byte(f.Proxy))
	line("ca-cert", []byte(f.CACert))
	return b.Bytes()
}
