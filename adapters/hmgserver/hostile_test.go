package hmgserver_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// TestGarbage: whatever arrives, the server serves others.
func TestGarbage(t *testing.T) {
	w := newWorld(t, func(c *hmgserver.Config) { c.Handshake, c.Patience = 2*time.Second, 2*time.Second })
	noise := make([]byte, 1<<20)
	_, _ = rand.Read(noise)
	t.Run("instead of TLS", func(t *testing.T) {
		for _, b := range [][]byte{nil, []byte("GET / HTTP/1.1\r\n\r\n"), noise, {0x16, 0x03, 0x01, 0xff, 0xff}} {
			c, err := net.Dial("tcp", w.address)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = c.Write(b)
			if _, err := io.Copy(io.Discard, c); err != nil {
				var timeout net.Error
				if errors.As(err, &timeout) && timeout.Timeout() {
					t.Errorf("%d bytes of noise: the connection still stands", len(b))
				}
			}
			c.Close()
		}
		w.serves(t)
	})
	frame := func(k hmgwire.Kind, id uint64, m any) []byte {
		var buf bytes.Buffer
		if err := hmgwire.Append(&buf, k, id, m); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	for name, b := range map[string][]byte{
		"instead of a hello":           noise,
		"HTTP instead of a hello":      []byte("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"),
		"a request instead of a hello": frame(hmgwire.KindCheck, 1, &hmgwire.Scope{Handle: 1}),
		"a hello of nonsense":          append(binary.BigEndian.AppendUint32(nil, 10), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff),
		"a hello of another version":   frame(hmgwire.KindHello, 0, hmgwire.Hello{Magic: hmgwire.Magic, Versions: []uint{2}}),
		"a huge hello":                 append(binary.BigEndian.AppendUint32(nil, hmgwire.MaxFrame), make([]byte, 1000)...),
	} {
		t.Run(name, func(t *testing.T) {
			p := w.connect(t)
			p.write(b)
			p.cutOff()
			w.serves(t)
		})
	}
	for name, b := range map[string][]byte{
		"after the hello":                    noise,
		"a second hello":                     frame(hmgwire.KindHello, 0, hmgwire.NewHello("", hmgwire.Limits{})),
		"an answer":                          frame(hmgwire.KindAnswer, 1, nil),
		"a frame of no bytes":                {0, 0, 0, 0},
		"a huge frame before a slot is open": append(binary.BigEndian.AppendUint32(nil, hmgwire.MaxFirstFrame+1), make([]byte, 1000)...),
	} {
		t.Run(name, func(t *testing.T) {
			p := w.greeted(t)
			p.write(b)
			p.cutOff()
			w.serves(t)
		})
	}
}

// TestBadRequests are refused one by one; the connection stands.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	p := newWorld(t, nil).opened(t)
	for i, c := range []struct {
		name    string
		kind    hmgwire.Kind
		message any
		want    fault.Kind
	}{
		{"unknown kind", 0x7f, nil, fault.Unsupported},
		{"no body", hmgwire.KindOperate, nil, fault.Invalid},
		{"body of another kind", hmgwire.KindOperate, hmgwire.NewHello("x", hmgwire.Limits{}), fault.Invalid},
		{"no such handle", hmgwire.KindCheck, &hmgwire.Scope{Handle: 99}, fault.Invalid},
		{"close of no such handle", hmgwire.KindClose, &hmgwire.Scope{Handle: 99}, fault.Invalid},
		{"unknown class", hmgwire.KindDestroy, &hmgwire.Destroy{Scope: hmgwire.Scope{Handle: 1}, Ref: hmgwire.Ref{Class: "x"}}, fault.Invalid},
		{"unknown operation", hmgwire.KindOperate, &hmgwire.Operate{
			Scope: hmgwire.Scope{Handle: 1}, Ref: hmgwire.Ref{Class: "secret key"}, Operation: hmgwire.Operation{Name: "x"},
		}, fault.Unsupported},
		{"unknown type", hmgwire.KindGenerate, &hmgwire.Generate{Scope: hmgwire.Scope{Handle: 1}, Template: hmgwire.Template{Type: "x"}}, fault.Unsupported},
		{"open without PIN", hmgwire.KindOpen, &hmgwire.Open{Slot: 7}, fault.Unavailable},
		{"open with another PIN", hmgwire.KindOpen, hmgwire.NewOpen(7, secret.FromString("9"), false), fault.Unavailable},
	} {
		id := uint64(10 + i)
		p.send(c.kind, id, c.message)
		if err := p.refusal(id); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	p.send(hmgwire.KindCancel, 12345, nil) // of nothing: not answered
	p.send(hmgwire.KindCredit, 12345, hmgwire.Credit{Frames: 1})
	p.send(hmgwire.KindPing, 99, nil)
	if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID != 99 {
		t.Errorf("after all that, a ping: got kind %#x of request %d", f.Kind, f.ID)
	}
}

// TestProtocolViolations end the connection.
func TestProtocolViolations(t *testing.T) {
	t.Parallel()
	t.Run("a request id used twice", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		g := newGate()
		defer g.open()
		w.operate = g.operate
		p := w.opened(t)
		p.send(hmgwire.KindOperate, 5, sign(1, nil))
		g.await(t)
		p.send(hmgwire.KindOperate, 5, sign(1, nil))
		p.cutOff()
		w.operate = nil
	})
	t.Run("more credit than there is", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		w.list = func(ctx context.Context, _ func(hsm.Object) error) error { <-ctx.Done(); return ctx.Err() }
		p := w.opened(t)
		p.send(hmgwire.KindInventory, 5, &hmgwire.Inventory{Scope: hmgwire.Scope{Handle: 1}, Window: hmgwire.MaxWindow})
		p.send(hmgwire.KindPing, 6, nil)
		_ = p.next() // the inventory has begun
		p.send(hmgwire.KindCredit, 5, hmgwire.Credit{Frames: 1})
		p.cutOff()
	})
}

// givenUp writes b again and again, until the server has had enough.
func (p *peer) givenUp(b []byte) {
	p.t.Helper()
	var err error
	for err == nil {
		_, err = p.conn.Write(b)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Error("the connection still stands")
	}
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	// hasty ends what never begins. The others leave time to begin, on a busy machine
	// too: soon to shake hands, brief to open a slot; they end what then falls silent.
	hasty := func(c *hmgserver.Config) { c.Handshake = 300 * time.Millisecond }
	soon := func(c *hmgserver.Config) { c.Handshake = 2 * time.Second }
	brief := func(c *hmgserver.Config) { c.Patience, c.Idle = 2*time.Second, 4*time.Second }
	t.Run("that never shake hands", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, hasty)
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
			t.Errorf("got %v, want the end", err)
		}
	})
	t.Run("that never say hello", func(t *testing.T) {
		t.Parallel()
		newWorld(t, soon).connect(t).cutOff()
	})
	t.Run("that open no slot, pings or not", func(t *testing.T) {
		t.Parallel()
		p := newWorld(t, brief).greeted(t)
		done := make(chan struct{})
		defer close(done)
		go func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			var buf bytes.Buffer
			_ = hmgwire.Append(&buf, hmgwire.KindPing, 1, nil)
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					_, _ = p.conn.Write(buf.Bytes())
				}
			}
		}()
		p.cutOff()
	})
	t.Run("that send a frame bit by bit", func(t *testing.T) {
		t.Parallel()
		p := newWorld(t, brief).opened(t)
		p.write([]byte{0, 0})
		p.cutOff()
	})
	t.Run("that fall silent with a slot open", func(t *testing.T) {
		t.Parallel()
		newWorld(t, brief).opened(t).cutOff()
	})
	t.Run("that ping are kept", func(t *testing.T) {
		t.Parallel()
		p := newWorld(t, brief).opened(t)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for range 40 { // twice as long as silence is borne
			<-tick.C
			p.send(hmgwire.KindPing, 9, nil)
			if f := p.next(); f.Kind != hmgwire.KindAnswer {
				t.Fatalf("got kind %#x, want an answer", f.Kind)
			}
		}
	})
	t.Run("that do not read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *hmgserver.Config) { c.Patience = 2 * time.Second })
		var calls atomic.Int64
		w.operate = func(_ context.Context, _ operations.Operation) (operations.Result, error) {
			calls.Add(1)
			return operations.Result{Output: make([]byte, 1<<20)}, nil
		}
		p := w.opened(t)
		var request bytes.Buffer
		for id := range uint64(2000) { // answers of 2 GB together
			_ = hmgwire.Append(&request, hmgwire.KindOperate, 10+id, sign(1, nil))
		}
		_, _ = p.conn.Write(request.Bytes())
		w.serves(t)
		// What is under way when the writer gets stuck is answered still: on a busy
		// machine up to Config.Requests.
		if n := calls.Load(); n > 1024 {
			t.Errorf("%d answers were made for a client that reads none", n)
		}
		p.givenUp([]byte{0})
	})
	t.Run("that have never read", func(t *testing.T) {
		t.Parallel()
		// The first writes after the greeting get stuck: so soon that the writer would
		// not move its deadline yet.
		w := newWorld(t, func(c *hmgserver.Config) { c.Patience = 6 * time.Second })
		answer := make([]byte, 1<<20)
		w.operate = func(context.Context, operations.Operation) (operations.Result, error) {
			return operations.Result{Output: answer}, nil
		}
		p := w.opened(t)
		var request bytes.Buffer
		for id := range uint64(32) { // more than a connection holds
			_ = hmgwire.Append(&request, hmgwire.KindOperate, 10+id, sign(1, nil))
		}
		_, _ = p.conn.Write(request.Bytes())
		var ping bytes.Buffer
		_ = hmgwire.Append(&ping, hmgwire.KindPing, 9, nil)
		p.givenUp(ping.Bytes())
	})
	t.Run("that take no inventory", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *hmgserver.Config) { c.Patience = 2 * time.Second })
		w.list = func(_ context.Context, yield func(hsm.Object) error) error {
			for {
				if err := yield(hsm.Object{Class: hsm.Data}); err != nil {
					return err
				}
			}
		}
		p := w.opened(t)
		p.send(hmgwire.KindInventory, 5, &hmgwire.Inventory{Scope: hmgwire.Scope{Handle: 1}, Window: 2})
		for range 2 {
			if f := p.next(); f.Kind != hmgwire.KindObjects {
				t.Fatalf("got kind %#x, want objects", f.Kind)
			}
		}
		if err := p.refusal(5); !errors.Is(err, fault.TimedOut) {
			t.Errorf("got %v, want timed out", err)
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Connections = 3 })
	var held []*peer
	for range 3 {
		held = append(held, w.opened(t))
	}
	c, err := tls.Dial("tcp", w.address, w.client)
	if err == nil {
		c.Close()
		t.Fatal("the fourth client is admitted")
	}
	held[0].conn.Close()
	deadline := time.Now().Add(patience)
	for {
		c, err := tls.Dial("tcp", w.address, w.client)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a place that became free is not given: %v", err)
		}
	}
}

// TestThousandsOfConnections: they come, and go, and the server serves.
func TestThousandsOfConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	w := newWorld(t, func(c *hmgserver.Config) { c.Connections = 50; c.Handshake = 2 * time.Second })
	for range 2000 {
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	deadline := time.Now().Add(patience)
	for {
		c, err := tls.Dial("tcp", w.address, w.client)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("afterwards nobody is admitted: %v", err)
		}
	}
	w.serves(t)
}
