package hmgclient

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Token is a slot behind a gateway.
type Token struct {
	gate    *gate
	slot    uint
	pin     secret.Value
	timeout time.Duration // for opening the slot

	current atomic.Pointer[lease]

	mu      sync.Mutex
	opening *opening
	refused error // the PIN is not accepted: it is not sent again
	closed  bool
	calls   sync.WaitGroup
}

var _ token.Token = (*Token)(nil)

// lease is the slot opened on a connection.
type lease struct {
	link   *link
	handle uint32
}

// opening is an attempt to open the slot that all who need it wait for.
type opening struct {
	cancel context.CancelFunc
	done   chan struct{}
	lease  *lease
	err    error
}

// use does call with the slot open. When it turns out that nothing was done,
// because connection or slot were no longer good, it is tried once more.
func (t *Token) use(ctx context.Context, call func(*lease) error) error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return errClosed()
	}
	t.calls.Add(1)
	t.mu.Unlock()
	defer t.calls.Done()

	for first := true; ; first = false {
		if ctx.Err() != nil {
			return untried(ended(ctx))
		}
		l, err := t.open(ctx, false)
		if err != nil {
			return untried(err) // opening the slot changes nothing
		}
		err = call(l)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errReopen):
			if t.current.CompareAndSwap(l, nil) {
				l.giveUp()
			}
		case errors.Is(err, errNotSent):
		case fault.KindOf(err) == fault.Unavailable && fault.ReasonOf(err).Credential():
			t.refuse(err)
			return err
		default:
			return err
		}
		if !first {
			return err
		}
	}
}

// open returns the slot opened on a connection that works.
func (t *Token) open(ctx context.Context, insist bool) (*lease, error) {
	if l := t.current.Load(); l != nil && l.link.usable() {
		return l, nil
	}
	t.mu.Lock()
	if t.refused != nil {
		defer t.mu.Unlock()
		return nil, t.refused
	}
	if l := t.current.Load(); l != nil && l.link.usable() {
		defer t.mu.Unlock()
		return l, nil
	}
	o := t.opening
	if o == nil {
		// Not within ctx: others may wait for it when this caller has gone.
		octx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		o = &opening{cancel: cancel, done: make(chan struct{})}
		t.opening = o
		t.gate.running.Go(func() { t.attempt(octx, o, insist) })
	}
	t.mu.Unlock()
	select {
	case <-o.done:
		return o.lease, o.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "opening the slot took too long").Because(fault.TimedOut)
	}
}

// attempt opens the slot once.
func (t *Token) attempt(ctx context.Context, o *opening, insist bool) {
	defer o.cancel()
	o.lease, o.err = t.login(ctx, insist)
	t.mu.Lock()
	t.opening = nil
	if o.err == nil {
		t.current.Store(o.lease)
	} else if fault.ReasonOf(o.err).Credential() {
		t.refused = o.err
	}
	t.mu.Unlock()
	close(o.done)
}

func (t *Token) login(ctx context.Context, insist bool) (*lease, error) {
	link, err := t.gate.connect(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	request := hmgwire.NewOpen(t.slot, t.pin, insist)
	request.Timeout = timeout(ctx)
	var opened hmgwire.Opened
	c := &call{done: make(chan error, 1), reply: &opened}
	id, err := link.send(hmgwire.KindOpen, &request, c)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-c.done:
	case <-ctx.Done():
		if link.disown(id) {
			return nil, ended(ctx)
		}
		err = <-c.done // it arrived just now
	}
	if err != nil {
		return nil, err
	}
	return &lease{link: link, handle: opened.Handle}, nil
}

// refuse remembers that the PIN is not accepted any more.
func (t *Token) refuse(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = err
	t.current.Store(nil)
}

// giveUp tells the gateway that the slot is not needed, without waiting.
func (l *lease) giveUp() {
	_, _ = l.link.send(hmgwire.KindClose, &hmgwire.Scope{Handle: l.handle}, &call{done: make(chan error, 1)})
}

// Close gives the slot up when the calls under way are done, and the connection
// when no other token uses it.
func (t *Token) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	t.calls.Wait()
	if !first {
		return nil
	}
	t.mu.Lock()
	o := t.opening
	t.mu.Unlock()
	if o != nil {
		o.cancel()
		<-o.done
	}
	if l := t.current.Swap(nil); l != nil && l.link.usable() {
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
		defer cancel()
		_ = l.link.do(ctx, hmgwire.KindClose, &hmgwire.Scope{Handle: l.handle}, nil) // it is closed with the connection otherwise
	}
	t.gate.release()
	return nil
}
