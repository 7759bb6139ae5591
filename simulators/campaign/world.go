// Package campaign proves that a gateway heals itself: it injects faults under
// load, one after the other, and checks what clients see.
//
// It guarantees that every result is checked without the gateway (signatures
// with the public key, ciphertexts with the key itself, keys by looking into
// the token), that each fault has really met a call, and that nothing is
// restarted but what the gateway restarts. gatehouse-faults and the tests use
// it. A World is for one goroutine at a time.
package campaign

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/adapters/hmgclient"
	"gatehouse/core/secret"
	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

// Options say what world to make.
type Options struct {
	Dir      string // its own folder: emptied when a lab has made it
	Programs string // folder of the program gatehouse-hmg
	Workers  int    // of each slot; 0 means 2
}

// World is a gateway process over faultp11 over two SoftHSM2 tokens.
type World struct {
	Lab    *lab.Lab
	Faults *faultp11.Injector
	Tokens [2]softtoken.Token

	opts    Options
	log     *follower
	trust   *tls.Config
	memory  string // folder of the tokens, when they are not in Dir
	metrics string // URL
	temp    string // the gateway's folder for temporary files
	modules *softtoken.Module
	direct  [2]*softtoken.Application // looks into the tokens, past the faults
	kept    map[string][]byte         // the tokens' own files
}

// pins of the tokens.
var pins = [2]string{"campaign-1", "campaign-2"}

// New makes tokens and starts the gateway. Its error wraps softtoken.ErrMissing
// or faultp11.ErrMissing when something of Debian's is not installed. Ctx is
// for starting only: Close ends the world.
func New(ctx context.Context, o Options) (_ *World, err error) {
	o.Workers = cmp.Or(o.Workers, 2)
	w := &World{opts: o}
	if w.Lab, err = lab.New(lab.Options{Dir: o.Dir, Programs: o.Programs, PIN: pins[0], Empty: true}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if err := w.tokens(); err != nil { //nolint:contextcheck // a moment: not worth a context
		return nil, err
	}
	w.Faults, err = faultp11.Wrap(filepath.Join(w.Lab.Dir, "faults"), w.Tokens[0].Lib, w.Tokens[0].Env...) //nolint:contextcheck // a moment: not worth a context
	if err != nil {
		return nil, err
	}
	w.temp = filepath.Join(w.Lab.Dir, "tmp")
	if err := os.Mkdir(w.temp, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of temporary files: %w", err)
	}
	w.Lab.Token = w.Tokens[0]
	w.Lab.Token.Lib = w.Faults.Lib
	w.Lab.Token.Env = append(w.Lab.Token.Env[:len(w.Lab.Token.Env):len(w.Lab.Token.Env)],
		"PKCS11_WORKERS="+strconv.Itoa(o.Workers), "TMPDIR="+w.temp)
	if err := w.Lab.StartGateway(ctx); err != nil {
		return nil, err
	}
	w.metrics = strings.TrimSuffix(w.Lab.Gateway.Secure, "/health") + "/metrics"
	w.log = &follower{path: w.Lab.Gateway.Log, serving: map[string]bool{}, ladder: map[string]int{}}
	w.trust, err = trust(w.Lab.Gateway)
	return w, err
}

// tokens makes the tokens: in memory where there is such a folder, for SoftHSM2
// waits for the disk with every object. It looks into them directly, too.
func (w *World) tokens() error {
	dir := filepath.Join(w.Lab.Dir, "tokens")
	if memory, err := os.MkdirTemp("/dev/shm", "gatehouse-faults-*"); err == nil {
		w.memory, dir = memory, memory
	}
	for i, pin := range pins {
		var err error
		if w.Tokens[i], err = softtoken.SoftHSM(dir, "campaign "+strconv.Itoa(i+1), pin); err != nil {
			return err
		}
	}
	copied, err := w.Tokens[0].CopyLib(filepath.Join(w.Lab.Dir, "direct.so")) // with a state of its own
	if err != nil {
		return err
	}
	if w.modules, err = softtoken.LoadModule(copied); err != nil {
		return err
	}
	for i, t := range w.Tokens {
		if w.direct[i], err = w.modules.Application(t); err != nil {
			return err
		}
	}
	return w.keep()
}

// trust returns how a client of the lab's gateway trusts it, and is trusted.
func trust(g lab.Gateway) (*tls.Config, error) {
	pem, err := os.ReadFile(g.TLS.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	own, err := tls.LoadX509KeyPair(g.TLS.ClientCert, g.TLS.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate: %w", err)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

// Dial opens a slot through the gateway, as the service does.
func (w *World) Dial(ctx context.Context, slot uint, pin string) (*hmgclient.Token, error) {
	return hmgclient.Dial(ctx, hmgclient.Config{
		Address: w.Lab.Gateway.Address, TLS: w.trust, Slot: slot, PIN: secret.FromString(pin), Software: "gatehouse-faults",
	})
}

// Close ends the gateway. It returns what did not end well.
func (w *World) Close() error {
	var errs []error
	if w.Faults != nil {
		errs = append(errs, w.Faults.Clear())
	}
	errs = append(errs, w.Lab.Close())
	if w.modules != nil {
		errs = append(errs, w.modules.Close())
	}
	if w.memory != "" {
		errs = append(errs, os.RemoveAll(w.memory))
	}
	return errors.Join(errs...)
}
