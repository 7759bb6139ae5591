package hmgserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/hmgwire"
	"gatehouse/app/meter"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// isBusy fails unless err says that nothing was tried, and when to try again.
func isBusy(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.Untried) || fault.AfterOf(err) <= 0 {
		t.Errorf("%s: got %v (after %v), want busy, untried, and when to try again", what, err, fault.AfterOf(err))
	}
}

// TestLateIsRefusedAtOnce: who would have to wait for longer than may be is told
// so, and not kept waiting.
func TestLateIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	counts := meter.New(time.Now)
	w := newWorld(t, func(c *hmgserver.Config) {
		c.Lanes.Operations, c.Lanes.BriefOperations, c.Lanes.QueueTime, c.Meter = 1, 1, time.Millisecond, counts
	})
	g := newGate()
	defer g.open()
	w.operate = g.operate
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 2, sign(1, nil))
	g.await(t)
	// Nothing ends: soon that alone tells that the next one would wait too long.
	id, busy := uint64(3), error(nil)
	begun := time.Now()
	for busy == nil && time.Since(begun) < patience {
		p.send(hmgwire.KindOperate, id, sign(1, nil))
		p.send(hmgwire.KindCheck, id+1, &hmgwire.Scope{Handle: 1})
		f := p.next()
		if f.Kind == hmgwire.KindRefusal {
			var r hmgwire.Refusal
			if err := hmgwire.Decode(f.Body, &r); err != nil {
				t.Fatal(err)
			}
			busy = r.Err()
			p.next() // the check: managing goes on
		}
		id += 2
	}
	isBusy(t, "behind a call that hangs", busy)
	if got := counts.Known(7).Busy.Late.Load(); got == 0 {
		t.Error("the refusal was not counted")
	}
	if tr := w.server.Traffic(); len(tr.Queues) != 2 || tr.Queues[0].Lane != "operations" || tr.Queues[0].UnderWay != 1 || tr.Queues[0].Expected == 0 {
		t.Errorf("got %+v, want one operation under way and a time to wait", tr.Queues)
	}
}

// TestDeadlineThatCannotBeMet: the pace of the calls before tells.
func TestDeadlineThatCannotBeMet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) {
		c.Lanes.Operations, c.Lanes.BriefOperations, c.Lanes.QueueTime = 1, 1, time.Hour
	})
	g := newGate()
	slow := true
	w.operate = func(ctx context.Context, op operations.Operation) (operations.Result, error) {
		if slow {
			slow = false
			select {
			case <-time.After(400 * time.Millisecond): // the pace becomes an eighth of it
			case <-ctx.Done():
			}
			return operations.Result{}, ctx.Err()
		}
		return g.operate(ctx, op)
	}
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 2, sign(1, nil))
	p.next()
	p.send(hmgwire.KindOperate, 3, sign(1, nil))
	g.await(t)
	hasty := sign(1, nil)
	hasty.Timeout = 20
	p.send(hmgwire.KindOperate, 4, hasty)
	isBusy(t, "with 20 ms to go", p.refusal(4))
	p.send(hmgwire.KindOperate, 5, sign(1, nil)) // has time
	g.open()
	for range 2 {
		if f := p.next(); f.Kind != hmgwire.KindAnswer {
			t.Errorf("request %d: got kind %#x, want an answer", f.ID, f.Kind)
		}
	}
}

// TestGivenUpWhileWaiting: what never had its turn was not tried.
func TestGivenUpWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) { c.Lanes.Operations, c.Lanes.BriefOperations, c.Uninterruptible = 1, 1, true })
	g := newGate()
	defer g.open()
	w.operate = func(_ context.Context, op operations.Operation) (operations.Result, error) {
		return g.operate(context.Background(), op) // as a library that hangs
	}
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 2, sign(1, nil))
	g.await(t)
	brief := sign(1, nil)
	brief.Timeout = 300
	p.send(hmgwire.KindOperate, 3, brief)
	if err := p.refusal(3); !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.Untried) {
		t.Errorf("got %v, want unavailable and untried", err)
	}
	g.open()
	if f := p.next(); f.ID != 2 || f.Kind != hmgwire.KindAnswer {
		t.Errorf("got kind %#x of request %d, want the first one's answer", f.Kind, f.ID)
	}
	select {
	case <-g.began:
		t.Error("what had been given up was done")
	default:
	}
	p.send(hmgwire.KindCheck, 4, &hmgwire.Scope{Handle: 1})
	p.next()
}

// TestQueueIsBoundedInBytes: long requests cannot pile up either.
func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	counts := meter.New(time.Now)
	w := newWorld(t, func(c *hmgserver.Config) {
		c.Lanes.Operations, c.Lanes.BriefOperations, c.Lanes.QueueBytes, c.Meter = 1, 1, 10_000, counts
	})
	g := newGate()
	defer g.open()
	w.operate = g.operate
	p := w.opened(t)
	p.send(hmgwire.KindOperate, 2, sign(1, nil))
	g.await(t)
	p.send(hmgwire.KindOperate, 3, sign(1, make([]byte, 6000)))
	p.send(hmgwire.KindOperate, 4, sign(1, make([]byte, 6000)))
	isBusy(t, "the second long one", p.refusal(4))
	if got := counts.Known(7).Busy.Full.Load(); got != 1 {
		t.Errorf("got %d refusals counted, want one", got)
	}
}

// TestRecheck cuts off who is not vouched for any more, and nobody else.
func TestRecheck(t *testing.T) {
	t.Parallel()
	refused := errors.New("no")
	var bad chan struct{}
	w := newWorld(t, func(c *hmgserver.Config) {
		bad = make(chan struct{})
		c.Vouch = func(tls.ConnectionState) error {
			select {
			case <-bad:
				return refused
			default:
				return nil
			}
		}
	})
	p := w.opened(t)
	w.server.Recheck()
	p.send(hmgwire.KindCheck, 2, &hmgwire.Scope{Handle: 1})
	if f := p.next(); f.Kind != hmgwire.KindAnswer {
		t.Errorf("while it is vouched for: got kind %#x, want an answer", f.Kind)
	}
	close(bad)
	w.server.Recheck()
	p.cutOff()
	late := w.connect(t) // shakes hands, and is asked about then
	late.cutOff()
}

// TestWaitingIsShed: who waits when it becomes clear that its turn comes too
// late is refused then, not at the end of its time.
func TestWaitingIsShed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *hmgserver.Config) {
		c.Lanes.Operations, c.Lanes.BriefOperations, c.Lanes.QueueTime = 1, 1, 100*time.Millisecond
	})
	g := newGate()
	defer g.open()
	w.operate = g.operate
	p := w.opened(t)
	const waiting = 50
	for id := uint64(2); id < 2+1+waiting; id++ {
		p.send(hmgwire.KindOperate, id, sign(1, nil))
	}
	g.await(t) // the first one hangs
	refused := map[uint64]bool{}
	for range waiting {
		f := p.next()
		var r hmgwire.Refusal
		if f.Kind != hmgwire.KindRefusal || refused[f.ID] || hmgwire.Decode(f.Body, &r) != nil {
			t.Fatalf("got kind %#x of request %d, want one refusal of each", f.Kind, f.ID)
		}
		refused[f.ID] = true
		isBusy(t, "one that waited", r.Err())
	}
	g.open()
	if f := p.next(); f.Kind != hmgwire.KindAnswer || refused[f.ID] {
		t.Errorf("got kind %#x of request %d, want the answer to the one that hung", f.Kind, f.ID)
	}
	for id := uint64(1000); ; id++ { // at once, or when the one that hung has left its place
		p.send(hmgwire.KindOperate, id, sign(1, nil))
		if f := p.next(); f.Kind == hmgwire.KindAnswer && f.ID == id {
			return
		}
	}
}
