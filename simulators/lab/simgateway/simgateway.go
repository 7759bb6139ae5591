// Package simgateway is a whole gateway in this process, as gatehouse-hmg wires
// it, whose slots are simulators in memory.
//
// It guarantees that a client meets what it would meet in production up to the
// PKCS#11 library: TLS, the gateway's protocol, shared logins, health. The
// features use it. All methods may be called at once.
package simgateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"gatehouse/app/assembly/hmg"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// Config says what a gateway shows and whom it trusts.
type Config struct {
	CertFile string // PEM or PKCS#12
	CAFile   string // PEM; empty: it asks for no client certificate
	Log      *slog.Logger
}

// Gateway is a gateway that runs.
type Gateway struct {
	Address string // 127.0.0.1:port

	mu    sync.Mutex
	slots map[uint]*tokensim.Slot

	hangup chan os.Signal
	stop   context.CancelFunc
	ended  chan error
}

// Start starts a gateway without slots on a port that it finds free. Close ends it.
func Start(ctx context.Context, cfg Config) (*Gateway, error) {
	g := &Gateway{slots: map[uint]*tokensim.Slot{}, hangup: make(chan os.Signal), ended: make(chan error, 1)}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	ready := make(chan hmg.Addresses, 1)
	library := hmg.Library{Open: g.open, Answers: func(context.Context) error { return nil }, Close: func() error { return nil }}
	settings := hmg.Config{CertFile: cfg.CertFile, CAFile: cfg.CAFile, Address: "127.0.0.1", Drain: 10 * time.Second, Hangup: g.hangup}
	go func() {
		g.ended <- hmg.Serve(ctx, settings, library, cfg.Log, func(a hmg.Addresses) { ready <- a })
	}()
	select {
	case a := <-ready:
		g.Address = a.Service.String()
		return g, nil
	case err := <-g.ended:
		g.stop()
		return nil, fmt.Errorf("starting a gateway: %w", err)
	}
}

// Reload has the gateway read its TLS files again, and returns when it has. The
// gateway must run.
func (g *Gateway) Reload() {
	g.hangup <- syscall.SIGHUP
	g.hangup <- syscall.SIGHUP // taken when the first has been dealt with
}

// Insert makes a slot with a token, and returns it with its number.
func (g *Gateway) Insert(o tokensim.Options) (*tokensim.Slot, uint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o.Slot = uint(len(g.slots)) + 1
	s := tokensim.New(o)
	g.slots[o.Slot] = s
	return s, o.Slot
}

func (g *Gateway) open(ctx context.Context, number uint, pin secret.Value) (token.Token, error) {
	g.mu.Lock()
	s := g.slots[number]
	g.mu.Unlock()
	if s == nil {
		return nil, fault.New(fault.Unavailable, "there is no slot %d", number).Because(fault.WrongSlot)
	}
	t, err := s.Open(ctx, pin)
	if err != nil {
		return nil, err // not t: a nil *Token in the interface would pass for a token
	}
	return t, nil
}

// Close ends the gateway. Its error tells too what the gateway did to its
// tokens that nobody may do.
func (g *Gateway) Close() error {
	g.stop()
	errs := []error{<-g.ended}
	g.mu.Lock()
	defer g.mu.Unlock()
	numbers := make([]uint, 0, len(g.slots))
	for n := range g.slots {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		for _, m := range g.slots[n].Misuse() {
			errs = append(errs, fmt.Errorf("slot %d was misused: %s: %s", n, m.Kind, m.Detail))
		}
	}
	return errors.Join(errs...)
}
