// Package lab is a whole Gatehouse on this machine, for showing and for trying
// it: a SoftHSM2 token with somebody else's keys, the gateway beside it, and
// the service, each a process of its own as in production.
//
// It guarantees that its programs listen on the loopback addresses that it
// found free, that they end when it is closed or its process dies, and that
// it touches no folder but its own. gatehouse-lab, the features and the
// benchmarks use it. A Lab is for one goroutine at a time; several labs may run
// at once in different folders, but their tokens are filled one after another.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/lab/ports"
	"gatehouse/simulators/softtoken"
)

// TokenLabel is the label of the lab's token.
const TokenLabel = "Rechenzentrum"

// Options say what lab to make. Dir is required.
type Options struct {
	Dir      string // the lab's own folder: made when missing, emptied when a lab has made it
	Programs string // folder of the programs gatehouse and gatehouse-hmg; empty: where this program is
	PIN      string // of the token
	Empty    bool   // leave the token without keys

	Service []string // environment of the service beside this program's own, as os.Environ has it
}

// Lab is a lab, complete after Start, in parts after New.
type Lab struct {
	Dir     string
	Token   softtoken.Token // after MakeToken
	Estate  estate.Manifest
	Gateway Gateway // after StartGateway
	Service Service // after StartService

	opts    Options
	lock    *os.File
	running []*process
	ports   ports.Kept // of what may be killed and started again
	crashes int        // programs that were killed on purpose
}

// Start makes a token, fills it, and starts a gateway and a service. Its error
// wraps softtoken.ErrMissing when something of Debian's is not installed. Ctx
// is for starting only: Close ends the lab.
func Start(ctx context.Context, o Options) (*Lab, error) {
	l, err := New(o)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{l.MakeToken, l.StartGateway, l.StartService} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// New takes the lab's folder; the parts are then started one by one, in the
// order token, gateway, service.
func New(o Options) (*Lab, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the lab's folder: %w", err)
	}
	if o.Programs == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding the programs: %w", err)
		}
		o.Programs = filepath.Dir(self)
	}
	lock, err := claim(dir)
	if err != nil {
		return nil, err
	}
	return &Lab{Dir: dir, opts: o, lock: lock}, nil
}

// Running returns when ctx ends, with nil, or when a program has ended by itself.
func (l *Lab) Running(ctx context.Context) error {
	ended := make(chan error, len(l.running))
	for _, p := range l.running {
		go func() {
			select {
			case <-p.done:
				ended <- p.stop(0)
			case <-ctx.Done():
			}
		}()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// grace is how long a program may take to end.
const grace = 10 * time.Second

// Close ends the service, then the gateway, and gives the folder up, with all
// that is in it. It returns what did not end well.
func (l *Lab) Close() error {
	var errs []error
	for len(l.running) > 0 {
		last := len(l.running) - 1
		errs = append(errs, l.running[last].stop(grace))
		l.running = l.running[:last]
	}
	return errors.Join(append(errs, l.ports.Close(), l.lock.Close())...)
}

func (l *Lab) path(name string) string { return filepath.Join(l.Dir, name) }
