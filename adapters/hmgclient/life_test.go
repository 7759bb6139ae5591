package hmgclient_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

var (
	anyKey = hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: []byte("key")}
	anyOp  = operations.MAC{Data: []byte("data")}
)

// frame returns the bytes of a frame with request id 0.
func frame(k hmgwire.Kind, message any) []byte {
	var buf bytes.Buffer
	if err := hmgwire.Append(&buf, k, 0, message); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// A cable carries connections to a gateway until it is cut.
type cable struct {
	address string
	to      atomic.Pointer[string] // the gateway's address
	made    atomic.Int64

	mu    sync.Mutex
	ends  []net.Conn
	stuck chan struct{} // while it is not closed, nothing passes
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	c := &cable{stuck: make(chan struct{})}
	close(c.stuck)
	c.moveTo(to)
	c.address = listen(t, func(near net.Conn) {
		c.made.Add(1)
		far, err := net.Dial("tcp", *c.to.Load())
		if err != nil {
			return
		}
		c.mu.Lock()
		c.ends = append(c.ends, near, far)
		c.mu.Unlock()
		go c.carry(far, near)
		c.carry(near, far)
	})
	t.Cleanup(c.cut)
	return c
}

func (c *cable) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		c.mu.Lock()
		stuck := c.stuck
		c.mu.Unlock()
		<-stuck
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// moveTo leads further connections to another gateway.
func (c *cable) moveTo(to string) { c.to.Store(&to) }

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.ends {
		e.Close()
	}
	c.ends = nil
}

// stick lets nothing pass until the returned function is called.
func (c *cable) stick() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = make(chan struct{})
	return sync.OnceFunc(func() { close(c.stuck) })
}

func dialOver(t *testing.T, w *world, c *cable, change func(*hmgclient.Config)) *hmgclient.Token {
	t.Helper()
	cfg := w.config()
	cfg.Address = c.address
	if change != nil {
		change(&cfg)
	}
	tok, err := hmgclient.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, tok) })
	return tok
}

func closed(t *testing.T, tok *hmgclient.Token) {
	t.Helper()
	if err := tok.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began, proceed := make(chan struct{}, 1), make(chan struct{})
	w.token.generate = func(context.Context, hsm.Template) (hsm.Object, error) {
		began <- struct{}{}
		<-proceed
		return hsm.Object{}, nil
	}
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, nil)
	failed := make(chan error, 1)
	go func() {
		_, err := tok.Generate(t.Context(), hsm.Template{Type: keys.AES})
		failed <- err
	}()
	<-began
	c.cut()
	err := <-failed
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("in flight: got %v, want unavailable", err)
	}
	if r := fault.ReasonOf(err); r != fault.Unspecified {
		t.Errorf("in flight: got reason %q, but the token may have been reached", r)
	}
	if errors.Is(err, fault.Untried) {
		t.Error("in flight: it is said to be untried, but the token may have been reached")
	}
	close(proceed)
	for range 3 {
		if _, err := tok.Operate(t.Context(), anyKey, anyOp); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if got := c.made.Load(); got != 2 {
		t.Errorf("%d connections were made, want 2", got)
	}
}

func TestRestartedGateway(t *testing.T) {
	t.Parallel()
	t.Run("is found again, with the PIN", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := newCable(t, w.address)
		tok := dialOver(t, w, c, nil)
		for range 3 {
			c.cut()
			if err := eventually(t, func() error { _, err := tok.Check(t.Context()); return err }); err != nil {
				t.Errorf("after a restart: %v", err)
			}
		}
	})
	t.Run("that refuses the PIN is asked once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var tries atomic.Int64
		w.open = func(context.Context, uint, secret.Value) (token.Token, error) {
			if tries.Add(1) == 1 {
				return w.token, nil
			}
			return nil, fault.New(fault.Unavailable, "no").Because(fault.PINIncorrect)
		}
		c := newCable(t, w.address)
		tok := dialOver(t, w, c, nil)
		w.token.check = func(context.Context) (hsm.Info, error) {
			return hsm.Info{}, fault.New(fault.Unavailable, "no").Because(fault.PINLocked)
		}
		if _, err := tok.Check(t.Context()); fault.ReasonOf(err) != fault.PINLocked {
			t.Errorf("got %v, want PIN locked", err)
		}
		c.cut()
		for range 5 {
			if _, err := tok.Check(t.Context()); fault.ReasonOf(err) != fault.PINLocked {
				t.Errorf("later, got %v, want PIN locked", err)
			}
		}
		if got := tries.Load(); got != 1 {
			t.Errorf("the PIN was presented %d times, want once", got)
		}
	})
}

// TestRefusedAtReopening: the PIN was changed while the gateway was away.
func TestRefusedAtReopening(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var opened atomic.Int64
	w.open = func(context.Context, uint, secret.Value) (token.Token, error) {
		if opened.Add(1) == 1 {
			return w.token, nil
		}
		return nil, fault.New(fault.Unavailable, "no").Because(fault.PINIncorrect)
	}
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, nil)
	w.token.check = func(context.Context) (hsm.Info, error) { return hsm.Info{}, nil }
	w.restart()
	c.moveTo(w.address)
	c.cut()
	err := eventually(t, func() error {
		_, err := tok.Check(t.Context())
		if fault.ReasonOf(err) == fault.PINIncorrect {
			return nil
		}
		return errors.New("not yet")
	})
	if err != nil {
		t.Fatal("the PIN is not told as incorrect")
	}
	made := c.made.Load()
	for range 5 {
		c.cut()
		if _, err := tok.Check(t.Context()); fault.ReasonOf(err) != fault.PINIncorrect {
			t.Errorf("later, got %v, want PIN incorrect", err)
		}
	}
	if got := c.made.Load(); got != made {
		t.Errorf("%d more connections were made with a PIN that is refused", got-made)
	}
	if got := opened.Load(); got != 2 {
		t.Errorf("the PIN was presented %d times, want once at first and once at reopening", got)
	}
}

// eventually calls f until it succeeds, for a while: a connection that was cut
// is noticed a moment later.
func eventually(t *testing.T, f func() error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		runtime.Gosched()
	}
}

func TestSharedConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCable(t, w.address)
	var p hmgclient.Pool
	var toks []*hmgclient.Token
	for slot := range uint(5) {
		cfg := w.config()
		cfg.Address, cfg.Slot = c.address, slot
		tok, err := p.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		toks = append(toks, tok)
	}
	if got := c.made.Load(); got != 1 {
		t.Errorf("five slots of one gateway use %d connections, want 1", got)
	}
	cfg := w.config()
	cfg.Address, cfg.Trust = c.address, "other settings"
	other, err := p.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.made.Load(); got != 2 {
		t.Errorf("with other TLS settings there are %d connections, want 2", got)
	}
	for _, tok := range append(toks[1:], other) {
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
		if err := tok.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if _, err := tok.Check(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("after Close, got %v, want unavailable", err)
		}
	}
	if _, err := toks[0].Check(t.Context()); err != nil {
		t.Errorf("the one that is left: %v", err)
	}
	if err := toks[0].Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	w := newWorld(t)
	c := newCable(t, w.address)
	ours := func() int {
		b := make([]byte, 1<<20)
		return strings.Count(string(b[:runtime.Stack(b, true)]), "hmgclient.(*link)")
	}
	for range 10 {
		tok := dialOver(t, w, c, nil)
		if _, err := tok.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := tok.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tok := dialOver(t, w, c, nil)
	c.cut()
	_, _ = tok.Check(t.Context())
	closed(t, tok)
	if got := ours(); got != 0 {
		t.Errorf("%d goroutines of the client run after everything was closed", got)
	}
}

func TestContextEnds(t *testing.T) {
	w := newWorld(t)
	stopped := make(chan error, 1)
	began := make(chan struct{}, 1)
	w.token.generate = func(ctx context.Context, _ hsm.Template) (hsm.Object, error) {
		began <- struct{}{}
		<-ctx.Done()
		stopped <- ctx.Err()
		return hsm.Object{}, fault.Wrap(fault.Unavailable, ctx.Err(), "stopped").Because(fault.TimedOut)
	}
	tok := w.dial(t)
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-began; cancel() }()
		_, err := tok.Generate(ctx, hsm.Template{Type: keys.AES})
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want unavailable because cancelled", err)
		}
		if err := <-stopped; !errors.Is(err, context.Canceled) {
			t.Errorf("the call in the gateway ended with %v, want cancelled", err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tok.Generate(ctx, hsm.Template{Type: keys.AES})
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.TimedOut) {
			t.Errorf("got %v, want unavailable because timed out", err)
		}
		select {
		case <-began:
		case <-time.After(20 * time.Second):
			t.Fatal("the token was not called")
		}
		select {
		case err := <-stopped:
			if err == nil {
				t.Error("the call in the gateway did not end")
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the call in the gateway does not end")
		}
	})
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tok.Generate(ctx, hsm.Template{Type: keys.AES}); !errors.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
		select {
		case <-began:
			t.Error("the token was called")
		default:
		}
	})
}

// TestFrozenGateway: nothing passes, nothing is closed, as when a host hangs.
func TestFrozenGateway(t *testing.T) {
	w := newWorld(t)
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, func(cfg *hmgclient.Config) { cfg.Silence, cfg.DialTimeout = 400*time.Millisecond, 5*time.Second })
	release := c.stick()
	t.Run("obeys the context, also of large requests", func(t *testing.T) {
		var callers sync.WaitGroup
		for range 12 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, err := tok.Operate(ctx, anyKey, operations.MAC{Data: make([]byte, 1<<20)})
				if !errors.Is(err, fault.Unavailable) {
					t.Errorf("got %v, want unavailable", err)
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("returned after %v", d)
				}
			})
		}
		callers.Wait()
	})
	t.Run("is given up", func(t *testing.T) {
		_, err := tok.Operate(t.Context(), anyKey, anyOp)
		if fault.ReasonOf(err) != fault.TimedOut {
			t.Errorf("got %v, want timed out", err)
		}
	})
	t.Run("is told as untried when nothing could be sent", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := tok.Generate(ctx, hsm.Template{Type: keys.AES})
		if !errors.Is(err, fault.TimedOut) || !errors.Is(err, fault.Untried) {
			t.Errorf("got %v (untried: %t), want timed out and untried", err, errors.Is(err, fault.Untried))
		}
	})
	release()
	c.mu.Lock()
	c.stuck = make(chan struct{})
	close(c.stuck)
	c.mu.Unlock()
	if err := eventually(t, func() error { _, err := tok.Operate(t.Context(), anyKey, anyOp); return err }); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestSlowCallIsNoSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.token.generate = func(ctx context.Context, _ hsm.Template) (hsm.Object, error) {
		select { // longer than a silent gateway is borne
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
		return hsm.Object{Class: hsm.SecretKey}, ctx.Err()
	}
	tok := dialOver(t, w, newCable(t, w.address), func(cfg *hmgclient.Config) { cfg.Silence = 2 * time.Second })
	if _, err := tok.Generate(t.Context(), hsm.Template{Type: keys.RSA}); err != nil {
		t.Errorf("got %v, want the key", err)
	}
}
