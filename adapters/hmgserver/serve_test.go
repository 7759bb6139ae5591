package hmgserver_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
)

func TestAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	g := newGate()
	w.operate = func(ctx context.Context, op operations.Operation) (operations.Result, error) {
		if s, ok := op.(operations.Sign); ok && len(s.Input) == 0 {
			return g.operate(ctx, op)
		}
		return operations.Result{Output: []byte("quick")}, nil
	}
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil)) // in place at first: another reader must take over
	g.await(t)
	p.send(hmgwire.KindOperate, 6, sign(1, []byte("x")))
	if f := p.next(); f.ID != 6 {
		t.Errorf("got the answer to %d first, want 6: a slow call holds up a quick one", f.ID)
	}
	g.open()
	if f := p.next(); f.ID != 5 {
		t.Errorf("got the answer to %d, want 5", f.ID)
	}
}

func TestSlowManagementDelaysNoOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Lanes.Operations, c.Lanes.BriefOperations = 1, 1 })
	g := newGate()
	defer g.open()
	w.list = func(ctx context.Context, _ func(hsm.Object) error) error { _, err := g.operate(ctx, nil); return err }
	p := w.opened(t)
	for id := range uint64(20) {
		p.send(hmgwire.KindInventory, 100+id, &hmgwire.Inventory{Scope: hmgwire.Scope{Handle: 1}})
	}
	g.await(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil))
	if f := p.next(); f.ID != 5 || f.Kind != hmgwire.KindAnswer {
		t.Errorf("got kind %#x of request %d, want the answer to 5", f.Kind, f.ID)
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) {
		c.Lanes.Operations, c.Lanes.BriefOperations, c.Lanes.OperationQueue = 2, 2, 3
	})
	g := newGate()
	w.operate = g.operate
	p := w.opened(t)
	for id := range uint64(8) {
		p.send(hmgwire.KindOperate, 10+id, sign(1, nil))
	}
	for id := range uint64(3) { // two run, three wait
		if err := p.refusal(15 + id); !errors.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
	}
	g.open()
	for range 5 {
		if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID > 14 {
			t.Errorf("got kind %#x of request %d, want one of the first five answered", f.Kind, f.ID)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Lanes.Operations, c.Lanes.BriefOperations = 1, 1 })
	g := newGate()
	defer g.open()
	w.operate = g.operate
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil))
	p.send(hmgwire.KindOperate, 6, sign(1, nil))
	g.await(t)
	p.send(hmgwire.KindCancel, 6, nil) // while it waits
	p.send(hmgwire.KindCancel, 5, nil) // while it runs
	for range 2 {
		f := p.next()
		var r hmgwire.Refusal
		if f.Kind != hmgwire.KindRefusal || hmgwire.Decode(f.Body, &r) != nil {
			t.Errorf("got kind %#x of request %d, want a refusal", f.Kind, f.ID)
		}
	}
	select {
	case <-g.began:
		t.Error("a cancelled request that waited was carried out")
	default:
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	g := newGate()
	defer g.open()
	w.operate = g.operate
	p := w.opened(t)
	request := sign(1, nil)
	request.Timeout = 50
	p.send(hmgwire.KindOperate, 5, request)
	if err := p.refusal(5); err == nil {
		t.Error("got no error")
	}
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	began, ended := make(chan struct{}), make(chan struct{})
	w.operate = func(ctx context.Context, _ operations.Operation) (operations.Result, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return operations.Result{}, ctx.Err()
	}
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil))
	<-began
	p.cut()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("its call goes on")
	}
}

func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	g := newGate()
	w.operate = g.operate
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil))
	g.await(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- w.server.Shutdown(ctx) }()
	if f := p.next(); f.Kind != hmgwire.KindGoodbye {
		t.Fatalf("got kind %#x, want a goodbye", f.Kind)
	}
	p.send(hmgwire.KindOperate, 6, sign(1, nil))
	if err := p.refusal(6); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a new request: got %v, want unavailable", err)
	}
	g.open()
	if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID != 5 {
		t.Errorf("got kind %#x of request %d, want the answer to 5", f.Kind, f.ID)
	}
	p.conn.Close()
	if err := <-down; err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

func TestLongestFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.operate = func(_ context.Context, op operations.Operation) (operations.Result, error) {
		s, ok := op.(operations.Sign)
		if !ok {
			return operations.Result{}, errors.New("not a signature")
		}
		return operations.Result{Output: append(s.Input, s.Input...)}, nil
	}
	p := w.opened(t)
	input := bytes.Repeat([]byte{7}, 1_000_000)
	p.send(hmgwire.KindOperate, 5, sign(1, input))
	var r hmgwire.Result
	if f := p.next(); f.Kind != hmgwire.KindAnswer || hmgwire.Decode(f.Body, &r) != nil || len(r.Output) != 2*len(input) {
		t.Errorf("got kind %#x and %d bytes, want %d", f.Kind, len(r.Output), 2*len(input))
	}
	p.send(hmgwire.KindOperate, 6, sign(1, append(input, input[:100_000]...)))
	if err := p.refusal(6); !errors.Is(err, fault.Invalid) {
		t.Errorf("an answer that is too long: got %v, want invalid", err)
	}
}

// TestUninterruptible: a call that cannot be ended is answered all the same, and
// disturbs nothing.
func TestUninterruptible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Uninterruptible = true })
	hang, began := make(chan struct{}), make(chan struct{}, 1)
	w.operate = func(ctx context.Context, op operations.Operation) (operations.Result, error) {
		if s, ok := op.(operations.Sign); ok && len(s.Input) == 0 {
			if ctx.Done() != nil {
				t.Error("the call got a context that ends")
			}
			began <- struct{}{}
			<-hang
		}
		return operations.Result{Output: []byte("done")}, nil
	}
	p := w.opened(t)
	request := sign(1, nil)
	request.Timeout = 50
	p.send(hmgwire.KindOperate, 5, request)
	<-began
	p.send(hmgwire.KindOperate, 6, sign(1, []byte("x")))
	if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID != 6 {
		t.Errorf("got kind %#x of request %d, want the answer to 6", f.Kind, f.ID)
	}
	if err := p.refusal(5); !errors.Is(err, fault.TimedOut) {
		t.Errorf("the call that hangs: got %v, want timed out", err)
	}
	p.send(hmgwire.KindOperate, 5, sign(1, []byte("x"))) // the id is free again
	if f := p.next(); f.Kind != hmgwire.KindAnswer || f.ID != 5 {
		t.Errorf("got kind %#x of request %d, want the answer to the second 5", f.Kind, f.ID)
	}
	close(hang)
	p.send(hmgwire.KindPing, 9, nil)
	if f := p.next(); f.ID != 9 {
		t.Errorf("got an answer to %d: the call that hung was answered twice", f.ID)
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Uninterruptible = true })
	hang, began := make(chan struct{}), make(chan struct{}, 1)
	w.operate = func(context.Context, operations.Operation) (operations.Result, error) {
		began <- struct{}{}
		<-hang
		return operations.Result{}, nil
	}
	defer close(hang)
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 5, sign(1, nil))
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
	p.cutOff()
}
