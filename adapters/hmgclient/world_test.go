package hmgclient_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/hmgserver"
	"gatehouse/app/gateway"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// world is a gateway on the loopback interface with a token that does as told.
type world struct {
	tb      testing.TB
	pki     pki
	token   *stub
	open    func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) // nil: token
	address string
	gateway *gateway.Gateway
	stop    func() // ends server and gateway
}

const testPIN = "1234"

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, pki: newPKI(tb), token: &stub{}}
	w.start()
	tb.Cleanup(func() { w.stop() })
	return w
}

// restart ends the gateway and starts another, elsewhere.
func (w *world) restart() {
	w.stop()
	w.start()
}

func (w *world) start() {
	tb := w.tb
	tb.Helper()
	w.gateway = gateway.New(gateway.Config{
		Open: func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) {
			if w.open != nil {
				return w.open(ctx, slot, pin)
			}
			return w.token, nil
		},
		Answers: func(context.Context) error { return nil },
		Now:     time.Now,
		Log:     slog.New(slog.DiscardHandler),
	})
	server := hmgserver.New(hmgserver.Config{Gateway: w.gateway, TLS: w.pki.server, Log: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), l) }()
	g := w.gateway
	w.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			tb.Errorf("shutting the server down: %v", err)
		}
		if err := <-served; err != nil {
			tb.Errorf("serving: %v", err)
		}
		if err := g.Close(ctx); err != nil {
			tb.Errorf("closing the gateway: %v", err)
		}
	})
}

func (w *world) config() hmgclient.Config {
	return hmgclient.Config{Address: w.address, TLS: w.pki.client, Slot: 7, PIN: secret.FromString(testPIN)}
}

// dial opens the slot and closes it with tb.
func (w *world) dial(tb testing.TB) *hmgclient.Token {
	tb.Helper()
	t, err := hmgclient.Dial(tb.Context(), w.config())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Errorf("closing: %v", err)
		}
	})
	return t
}

// stub is a token that does what a test says.
type stub struct {
	token.Token // nil: what is not below is not called

	operate   func(operations.Operation) (operations.Result, error)
	inventory func(context.Context, func(hsm.Object) error) error
	generate  func(context.Context, hsm.Template) (hsm.Object, error)
	check     func(context.Context) (hsm.Info, error)
}

func (s *stub) Check(ctx context.Context) (hsm.Info, error) {
	if s.check != nil {
		return s.check(ctx)
	}
	return hsm.Info{Slot: 7, Label: "stub"}, nil
}

func (s *stub) Inventory(ctx context.Context, _ hsm.Filter, yield func(hsm.Object) error) error {
	if s.inventory != nil {
		return s.inventory(ctx, yield)
	}
	return nil
}

func (s *stub) Generate(ctx context.Context, t hsm.Template) (hsm.Object, error) {
	if s.generate != nil {
		return s.generate(ctx, t)
	}
	return hsm.Object{Class: hsm.SecretKey, Type: t.Type, ID: t.ID, Label: t.Label}, nil
}

func (*stub) Import(_ context.Context, t hsm.Template, _ secret.Value) (hsm.Object, error) {
	return hsm.Object{Class: hsm.SecretKey, Type: t.Type, ID: t.ID, Label: t.Label}, nil
}

func (s *stub) Operate(_ context.Context, _ hsm.Ref, op operations.Operation) (operations.Result, error) {
	if s.operate != nil {
		return s.operate(op)
	}
	return operations.Result{}, nil
}

func (*stub) Update(context.Context, hsm.Ref, hsm.Change) error { return nil }
func (*stub) Destroy(context.Context, hsm.Ref) error            { return nil }
func (*stub) Close() error                                      { return nil }
