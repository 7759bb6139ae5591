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

	lanes []tokenLane // as many as the gate has
	turn  atomic.Uint32

	mu      sync.Mutex
	refused error // the PIN is not accepted: it is not sent again
	closed  bool
	calls   sync.WaitGroup
}

var _ token.Token = (*Token)(nil)

// tokenLane is the slot on one of the gate's connections.
type tokenLane struct {
	current atomic.Pointer[lease]
	opening *opening  // Token.mu
	failed  time.Time // when that failed last; Token.mu
}

// rest is how long a connection that cannot be made is left alone while there is another.
const rest = 250 * time.Millisecond

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

// repetition tells what may be done with a request that may have been done.
type repetition bool

const (
	once     repetition = false // not send it again: it changes something
	repeated repetition = true  // send it again
)

// use does call with the slot open. When it turns out that nothing was done,
// because connection or slot were no longer good, it is tried again. What may be
// repeated is tried again, too, when the connection broke, or when the gateway
// has failed and there is another connection, which may lead to another gateway.
func (t *Token) use(ctx context.Context, again repetition, call func(*lease) error) error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return errClosed()
	}
	t.calls.Add(1)
	t.mu.Unlock()
	defer t.calls.Done()

	for tries := len(t.lanes); ; tries-- {
		if ctx.Err() != nil {
			return untried(ended(ctx))
		}
		l, err := t.way(ctx)
		if err != nil {
			return err
		}
		err = call(l)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errReopen):
			if t.lanes[l.link.lane].current.CompareAndSwap(l, nil) {
				l.giveUp()
			}
		case errors.Is(err, errNotSent):
		case fault.KindOf(err) == fault.Unavailable && fault.ReasonOf(err).Credential():
			t.refuse(err)
			return err
		case bool(again) && errors.Is(err, errLost):
		case bool(again) && fault.KindOf(err) == fault.Unavailable && ctx.Err() == nil:
			l.link.fails()
			if t.well() == nil {
				return err
			}
		default:
			return err
		}
		if tries == 0 {
			return err
		}
	}
}

// way returns the slot opened on a connection that works as far as is known. Where
// one ends while it is made another one is made: a load balancer that has just
// given up the gateway behind it leads elsewhere then.
func (t *Token) way(ctx context.Context) (*lease, error) {
	l, err := t.pick(ctx)
	if fault.ReasonOf(turnedAway(err)) == fault.Refused && ctx.Err() == nil {
		l, err = t.pick(ctx)
	}
	if err != nil {
		return nil, untried(turnedAway(err)) // opening the slot changes nothing
	}
	return l, nil
}

// well returns the slot opened on a connection on which nothing has failed
// lately, by turns; nil when there is none.
func (t *Token) well() *lease {
	first := int(t.turn.Add(1))
	for i := range t.lanes {
		if l := t.lanes[(first+i)%len(t.lanes)].current.Load(); l != nil && l.link.well() {
			return l
		}
	}
	return nil
}

// pick returns the slot opened on one of the connections, by turns. One that is
// not there is made meanwhile, if there is another one.
func (t *Token) pick(ctx context.Context) (*lease, error) {
	if len(t.lanes) == 1 {
		return t.open(ctx, 0, false)
	}
	lane := int(t.turn.Add(1)) % len(t.lanes)
	own := t.lanes[lane].current.Load()
	if own != nil && own.link.well() {
		return own, nil
	}
	other := t.well()
	if other == nil {
		return t.open(ctx, lane, false)
	}
	if own == nil || !own.link.usable() {
		t.prepare(ctx, lane)
	}
	return other, nil
}

// open returns the slot opened on the connection of a lane.
func (t *Token) open(ctx context.Context, lane int, insist bool) (*lease, error) {
	if l := t.lanes[lane].current.Load(); l != nil && l.link.usable() {
		return l, nil
	}
	o, err := t.begin(ctx, lane, insist)
	if err != nil {
		return nil, err
	}
	select {
	case <-o.done:
		return o.lease, o.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "opening the slot took too long").Because(fault.TimedOut)
	}
}

// prepare begins to open the slot on the connection of a lane, for later.
func (t *Token) prepare(ctx context.Context, lane int) {
	t.mu.Lock()
	wait := time.Since(t.lanes[lane].failed) < rest
	t.mu.Unlock()
	if !wait {
		_, _ = t.begin(ctx, lane, false) // who needs it will see how it went
	}
}

// begin begins to open the slot on the connection of a lane, unless that is
// under way or done.
func (t *Token) begin(ctx context.Context, lane int, insist bool) (*opening, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	way := &t.lanes[lane]
	if t.refused != nil {
		return nil, t.refused
	}
	if way.opening != nil {
		return way.opening, nil
	}
	if l := way.current.Load(); l != nil && l.link.usable() {
		done := &opening{done: make(chan struct{}), lease: l}
		close(done.done)
		return done, nil
	}
	// Not within ctx: others may wait for it when this caller has gone.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &opening{cancel: cancel, done: make(chan struct{})}
	way.opening = o
	t.gate.running.Go(func() { t.attempt(ctx, lane, o, insist) })
	return o, nil
}

// attempt opens the slot once.
func (t *Token) attempt(ctx context.Context, lane int, o *opening, insist bool) {
	defer o.cancel()
	o.lease, o.err = t.login(ctx, lane, insist)
	t.mu.Lock()
	way := &t.lanes[lane]
	way.opening = nil
	if o.err == nil {
		way.current.Store(o.lease)
	} else if way.failed = time.Now(); fault.ReasonOf(o.err).Credential() {
		t.refused = o.err
	}
	t.mu.Unlock()
	close(o.done)
}

func (t *Token) login(ctx context.Context, lane int, insist bool) (*lease, error) {
	link, err := t.gate.connect(ctx, lane)
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
	for i := range t.lanes {
		t.lanes[i].current.Store(nil)
	}
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
	for i := range t.lanes {
		t.lanes[i].close(t)
	}
	t.gate.release()
	return nil
}

// close gives up the slot on one connection.
func (w *tokenLane) close(t *Token) {
	t.mu.Lock()
	o := w.opening
	t.mu.Unlock()
	if o != nil {
		o.cancel()
		<-o.done
	}
	if l := w.current.Swap(nil); l != nil && l.link.usable() {
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
		defer cancel()
		_ = l.link.do(ctx, hmgwire.KindClose, &hmgwire.Scope{Handle: l.handle}, nil) // it is closed with the connection otherwise
	}
}
