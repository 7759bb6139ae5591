package hmgserver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// world is a server over a token that does as told.
type world struct {
	operate func(context.Context, operations.Operation) (operations.Result, error)
	list    func(context.Context, func(hsm.Object) error) error

	address string
	server  *hmgserver.Server
	client  *tls.Config
	served  chan error
}

// patience is how long tests wait for what should take a moment.
const patience = 20 * time.Second

func newWorld(tb testing.TB, change func(*hmgserver.Config)) *world {
	tb.Helper()
	cert := selfSigned(tb)
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	w := &world{client: &tls.Config{RootCAs: pool, ServerName: "gateway.example", MinVersion: tls.VersionTLS12}, served: make(chan error, 1)}
	g := gateway.New(gateway.Config{
		Open:    func(context.Context, uint, secret.Value) (token.Token, error) { return &stub{w: w}, nil },
		Answers: func(context.Context) error { return nil },
		Now:     time.Now, Log: slog.New(slog.DiscardHandler),
	})
	cfg := hmgserver.Config{
		Gateway: g, TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Log: slog.New(slog.DiscardHandler), Software: "test",
	}
	if change != nil {
		change(&cfg)
	}
	w.server = hmgserver.New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w.address = l.Addr().String()
	go func() { w.served <- w.server.Serve(context.Background(), l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // whoever is still connected is cut off
		_ = w.server.Shutdown(ctx)
		if err := <-w.served; err != nil {
			tb.Errorf("serving: %v", err)
		}
		closing, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Close(closing); err != nil {
			tb.Errorf("closing the gateway: %v", err)
		}
	})
	return w
}

// peer is a client that may misbehave.
type peer struct {
	t    testing.TB
	conn *tls.Conn
	in   *hmgwire.Reader
}

// connect does the TLS handshake only.
func (w *world) connect(tb testing.TB) *peer {
	tb.Helper()
	c, err := tls.Dial("tcp", w.address, w.client)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.NetConn().Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &peer{t: tb, conn: c, in: hmgwire.NewReader(c, hmgwire.MaxFrame, nil, nil)}
}

// greeted has exchanged Hellos too.
func (w *world) greeted(tb testing.TB) *peer {
	tb.Helper()
	p := w.connect(tb)
	p.send(hmgwire.KindHello, 0, hmgwire.NewHello("test", hmgwire.Limits{}))
	if f := p.next(); f.Kind != hmgwire.KindAnswer {
		tb.Fatalf("hello: got kind %#x, want an answer", f.Kind)
	}
	return p
}

// opened has opened a slot too, under handle 1.
func (w *world) opened(tb testing.TB) *peer {
	tb.Helper()
	p := w.greeted(tb)
	p.send(hmgwire.KindOpen, 1, hmgwire.NewOpen(7, secret.FromString("1234"), false))
	if f := p.next(); f.Kind != hmgwire.KindAnswer {
		tb.Fatalf("open: got kind %#x, want an answer", f.Kind)
	}
	return p
}

func (p *peer) send(k hmgwire.Kind, id uint64, message any) {
	p.t.Helper()
	var buf bytes.Buffer
	if err := hmgwire.Append(&buf, k, id, message); err != nil {
		p.t.Fatal(err)
	}
	p.write(buf.Bytes())
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Logf("writing: %v", err) // the server may have had enough
	}
}

func (p *peer) next() hmgwire.Frame {
	p.t.Helper()
	f, err := p.in.Next()
	if err != nil {
		p.t.Fatalf("reading a frame: %v", err)
	}
	return f
}

// refusal reads the refusal of request id.
func (p *peer) refusal(id uint64) error {
	p.t.Helper()
	f := p.next()
	var r hmgwire.Refusal
	if f.Kind != hmgwire.KindRefusal || f.ID != id || hmgwire.Decode(f.Body, &r) != nil {
		p.t.Fatalf("got kind %#x of request %d, want a refusal of %d", f.Kind, f.ID, id)
	}
	return r.Err()
}

// cut ends the connection without a word.
func (p *peer) cut() { p.conn.NetConn().Close() }

// cutOff fails unless the server ends the connection.
func (p *peer) cutOff() {
	p.t.Helper()
	for {
		if _, err := p.in.Next(); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				p.t.Error("the connection still stands")
			}
			return
		}
	}
}

func sign(handle uint32, input []byte) *hmgwire.Operate {
	return &hmgwire.Operate{
		Scope: hmgwire.Scope{Handle: handle}, Ref: hmgwire.NewRef(hsm.Ref{Class: hsm.PrivateKey, Type: keys.EC}),
		Operation: hmgwire.Operation{Name: "sign", Hash: "SHA256", Input: input},
	}
}

// serves fails unless the server serves somebody else.
func (w *world) serves(tb testing.TB) {
	tb.Helper()
	p := w.opened(tb)
	defer p.conn.Close()
	p.send(hmgwire.KindCheck, 2, &hmgwire.Scope{Handle: 1})
	if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID != 2 {
		tb.Errorf("another client: got kind %#x of request %d, want an answer", f.Kind, f.ID)
	}
}

// gate lets calls wait until it is opened.
type gate struct {
	began chan struct{}
	pass  chan struct{}
	once  sync.Once
}

func newGate() *gate  { return &gate{began: make(chan struct{}, 1024), pass: make(chan struct{})} }
func (g *gate) open() { g.once.Do(func() { close(g.pass) }) }
func (g *gate) await(tb testing.TB) {
	tb.Helper()
	select {
	case <-g.began:
	case <-time.After(patience):
		tb.Fatal("no call began")
	}
}

func (g *gate) operate(ctx context.Context, _ operations.Operation) (operations.Result, error) {
	g.began <- struct{}{}
	select {
	case <-g.pass:
		return operations.Result{Output: []byte("done")}, nil
	case <-ctx.Done():
		return operations.Result{}, ctx.Err()
	}
}

func selfSigned(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"gateway.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// stub is a token that does what its world says.
type stub struct {
	token.Token // nil: what is not below is not called

	w *world
}

func (s *stub) Operate(ctx context.Context, _ hsm.Ref, op operations.Operation) (operations.Result, error) {
	if s.w.operate == nil {
		return operations.Result{Output: []byte("done")}, nil
	}
	return s.w.operate(ctx, op)
}

func (s *stub) Inventory(ctx context.Context, _ hsm.Filter, yield func(hsm.Object) error) error {
	if s.w.list == nil {
		return nil
	}
	return s.w.list(ctx, yield)
}

func (*stub) Check(context.Context) (hsm.Info, error) { return hsm.Info{Slot: 7}, nil }

func (*stub) Generate(context.Context, hsm.Template) (hsm.Object, error) { return hsm.Object{}, nil }

func (*stub) Import(context.Context, hsm.Template, secret.Value) (hsm.Object, error) {
	return hsm.Object{}, nil
}
func (*stub) Update(context.Context, hsm.Ref, hsm.Change) error { return nil }
func (*stub) Destroy(context.Context, hsm.Ref) error            { return nil }
func (*stub) Close() error                                      { return nil }
