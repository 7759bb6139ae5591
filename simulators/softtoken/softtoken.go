// Package softtoken makes software tokens on disk: SoftHSM2 token directories
// and NSS databases, each behind a real PKCS#11 library.
//
// A token that is returned is initialised, has a user PIN, and is empty. Tests,
// benchmarks, features and the lab use it. The functions share nothing and may
// be called at once for different directories; in one directory one at a time.
package softtoken

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrMissing is wrapped by every error that says that a program or library of
// Debian's is not installed.
var ErrMissing = errors.New("not installed")

// Token tells how to reach a software token.
type Token struct {
	Lib      string   // path of the PKCS#11 library
	Slot     uint     // slot id
	Label    string   // of the token
	PIN      string   // of the user
	Reserved string   // string for the pReserved of C_Initialize; empty for none
	Env      []string // KEY=VALUE pairs that the library reads during C_Initialize
}

// Setenv puts t.Env into this process's environment, where C sees it too. It
// must be called before the library is initialised; two SoftHSM directories in
// one process need two copies of the library (CopyLib).
func (t Token) Setenv() error {
	for _, kv := range t.Env {
		k, v, _ := strings.Cut(kv, "=")
		if err := os.Setenv(k, v); err != nil {
			return fmt.Errorf("setting %s: %w", k, err)
		}
	}
	return nil
}

// CopyLib returns t with its library copied to path. A copy is a second,
// independent PKCS#11 library in the same process.
func (t Token) CopyLib(path string) (Token, error) {
	src, err := os.Open(t.Lib)
	if err != nil {
		return Token{}, fmt.Errorf("opening the library: %w", err)
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Token{}, fmt.Errorf("making the copy: %w", err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		return Token{}, fmt.Errorf("copying the library: %w", err)
	}
	t.Lib = path
	return t, nil
}

// library returns the first of the paths that exists.
func library(paths ...string) (string, error) {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: %w", filepath.Base(paths[0]), ErrMissing)
}

// run runs a program of Debian's and returns what it printed.
func run(env []string, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, ErrMissing)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
