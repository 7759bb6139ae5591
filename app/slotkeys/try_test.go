package slotkeys_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/operations"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// third is a connection beside first and other.
const third = id.Connection("c3333333-3333-4333-8333-333333333333")

// pair is a backend over two connections to one HSM, each of which can be made
// to fail at its own end, and counts how often it is dialled and asked.
type pair struct {
	*slotkeys.Backend
	s     *slot
	group groups.Group

	mu    sync.Mutex
	dials map[id.Connection]int
	down  map[id.Connection]func(ctx context.Context) error // what dialling does
	ill   map[id.Connection]func(ctx context.Context) error // what calls do
}

// end is one connection's end of the token.
type end struct {
	token.Token
	p    *pair
	conn id.Connection
}

func newPair(t *testing.T, conns ...id.Connection) *pair {
	t.Helper()
	p := &pair{
		s: newSlot(), dials: map[id.Connection]int{},
		down: map[id.Connection]func(context.Context) error{}, ill: map[id.Connection]func(context.Context) error{},
	}
	p.Backend = bubble(t, func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		p.mu.Lock()
		p.dials[conn.ID]++
		down := p.down[conn.ID]
		p.mu.Unlock()
		if down != nil {
			if err := down(ctx); err != nil {
				return nil, err
			}
		}
		t, err := p.s.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return end{t, p, conn.ID}, nil
	})
	p.group = group()
	for i, c := range conns {
		conn := connection(t, c, int32(i), pin)
		conn.Address = string(c) // each through a gateway of its own
		p.group.Connections = append(p.group.Connections, conn)
	}
	return p
}

// set makes a connection fail, or work again.
func (p *pair) set(of map[id.Connection]func(context.Context) error, c id.Connection, fail func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	of[c] = fail
}

func (p *pair) dialled(c id.Connection) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials[c]
}

func (e end) failing(ctx context.Context) error {
	e.p.mu.Lock()
	ill := e.p.ill[e.conn]
	e.p.mu.Unlock()
	if ill == nil {
		return nil
	}
	return ill(ctx)
}

// Operate, Inventory and Check fail as the connection's end has it.
func (e end) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	if err := e.failing(ctx); err != nil {
		return operations.Result{}, err
	}
	return e.Token.Operate(ctx, ref, op)
}

// Inventory is as Operate.
func (e end) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	if err := e.failing(ctx); err != nil {
		return err
	}
	return e.Token.Inventory(ctx, f, yield)
}

// Check is as Operate.
func (e end) Check(ctx context.Context) (hsm.Info, error) {
	if err := e.failing(ctx); err != nil {
		return hsm.Info{}, err
	}
	return e.Token.Check(ctx)
}

// hangs is a gateway that says nothing.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return fault.Wrap(fault.Unavailable, ctx.Err(), "no answer").Because(fault.TimedOut)
}

// refuse is a gateway that is not there.
func refuse(context.Context) error {
	return fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
}

func busy(context.Context) error {
	return fault.New(fault.Unavailable, "the gateway is busy").Untried()
}

// inPair runs a test over a pair in a bubble of its own time.
func inPair(t *testing.T, test func(t *testing.T, p *pair), conns ...id.Connection) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, conns...)
		test(t, p)
		p.Close()
		for _, m := range p.s.Misuse() {
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	})
}

// watched has the connections watched until the test ends.
func (p *pair) watched(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Watch(ctx, func(context.Context) ([]groups.Group, error) { return []groups.Group{p.group}, nil })
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	synctest.Wait()
}

func TestAConnectionThatHangsLeavesTimeForTheOthers(t *testing.T) {
	t.Parallel()
	t.Run("while it is opened", func(t *testing.T) {
		t.Parallel()
		inPair(t, func(t *testing.T, p *pair) {
			p.set(p.down, first, hangs)
			start := time.Now()
			if err := asks(t.Context(), p.Backend, p.group); err != nil {
				t.Errorf("got %v, want the second connection to serve", err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %v, want the patience of 2 seconds", took)
			}
			start = time.Now()
			if err := asks(t.Context(), p.Backend, p.group); err != nil || time.Since(start) > 0 {
				t.Errorf("the next request: got %v after %v, want it served at once", err, time.Since(start))
			}
		}, first, other)
	})
	t.Run("in a call", func(t *testing.T) {
		t.Parallel()
		inPair(t, func(t *testing.T, p *pair) {
			k := made(t, p.Backend, p.group)
			p.set(p.ill, first, hangs)
			start := time.Now()
			if err := sign(t, p.Backend, p.group, k); err != nil {
				t.Errorf("got %v, want the second connection to sign", err)
			}
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("it took %v, want half of the 15 seconds", took)
			}
		}, first, other)
	})
	t.Run("in a call, and it is watched", func(t *testing.T) {
		t.Parallel()
		inPair(t, func(t *testing.T, p *pair) {
			p.watched(t)
			k := made(t, p.Backend, p.group)
			p.set(p.ill, first, hangs)
			start := time.Now()
			if err := sign(t, p.Backend, p.group, k); err != nil {
				t.Errorf("got %v, want the second connection to sign", err)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("it took %v, want it cut off when the probe has failed", took)
			}
			start = time.Now()
			if err := sign(t, p.Backend, p.group, k); err != nil || time.Since(start) > 0 {
				t.Errorf("the next request: got %v after %v, want it served at once", err, time.Since(start))
			}
		}, first, other)
	})
}

func TestAnOpenCircuitIsPassedOver(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.set(p.down, first, refuse)
		for range 100 {
			if err := asks(t.Context(), p.Backend, p.group); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.dialled(first); got != 1 {
			t.Errorf("got %d attempts to reach what is down, want one", got)
		}
	}, first, other)
}

func TestWhenAllAreDownOneRequestFindsOut(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.set(p.down, first, refuse)
		p.set(p.down, other, refuse)
		if err := asks(t.Context(), p.Backend, p.group); fault.ReasonOf(err) != fault.Refused {
			t.Fatalf("got %v, want it refused", err)
		}
		p.set(p.down, first, hangs)
		p.set(p.down, other, hangs)
		before := p.dialled(first)
		start := time.Now()
		var asked sync.WaitGroup
		for range 20 {
			asked.Go(func() {
				if err := asks(t.Context(), p.Backend, p.group); !errors.Is(err, fault.Unavailable) {
					t.Errorf("got %v, want it not connected", err)
				}
			})
		}
		asked.Wait()
		if got := p.dialled(first) - before; got != 1 {
			t.Errorf("got %d attempts at once, want one", got)
		}
		if took := time.Since(start); took > 21*time.Second {
			t.Errorf("it took %v", took)
		}
		p.set(p.down, other, nil)
		if err := asks(t.Context(), p.Backend, p.group); err != nil {
			t.Errorf("once one is mended: got %v, want it found out by the next request", err)
		}
	}, first, other)
}

func TestBusyConnections(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		k := made(t, p.Backend, p.group)
		p.set(p.ill, first, busy)
		if err := sign(t, p.Backend, p.group, k); err != nil {
			t.Errorf("got %v, want the other connection to sign", err)
		}
		p.set(p.ill, other, busy)
		start := time.Now()
		err := sign(t, p.Backend, p.group, k)
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.Untried) || fault.Message(err) != "the gateway is busy" || time.Since(start) > 0 {
			t.Errorf("got %v after %v, want it refused as busy at once", err, time.Since(start))
		}
		p.set(p.ill, first, nil)
		if err := sign(t, p.Backend, p.group, k); err != nil || p.dialled(first) != 1 {
			t.Errorf("got %v, want a busy connection not taken for a broken one", err)
		}
	}, first, other)
}

func TestOneFailureIsTolerated(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.watched(t)
		k := made(t, p.Backend, p.group)
		p.s.Fail(tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Unavailable, "a hiccup").Because(fault.TokenFailed)})
		if err := sign(t, p.Backend, p.group, k); err != nil {
			t.Errorf("got %v, want the other connection to sign", err)
		}
		synctest.Wait()
		if st := p.Statuses(p.group)[0]; st.State != slotkeys.Connected {
			t.Errorf("got %s, %v, want one failure forgiven after a probe", st.State, st.Err)
		}
	}, first, other)
}

func TestACallerWhoLeavesSaysNothingOfTheConnection(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		k := made(t, p.Backend, p.group)
		p.s.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true, Stays: true})
		for range 5 {
			ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
			_ = signing(ctx, t, p.Backend, p.group, k) // nobody waits for what it says
			leave()
		}
		if st := p.Statuses(p.group)[0]; st.State != slotkeys.Connected {
			t.Errorf("got %s, %v, want it connected", st.State, st.Err)
		}
	}, first, other)
}

// While one request finds out whether the only connection works again, the
// others wait for what it finds.
func TestWhoComesWhileOneFindsOutWaitsAMoment(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		k := made(t, p.Backend, p.group)
		p.set(p.ill, first, refuse)
		if err := sign(t, p.Backend, p.group, k); fault.ReasonOf(err) != fault.Refused {
			t.Fatalf("got %v, want it refused", err)
		}
		p.set(p.ill, first, func(context.Context) error { <-time.After(100 * time.Millisecond); return nil })
		var asked sync.WaitGroup
		for range 20 {
			asked.Go(func() {
				if err := sign(t, p.Backend, p.group, k); err != nil {
					t.Errorf("once it is back: got %v, want everybody served", err)
				}
			})
		}
		asked.Wait()
	}, first)
}
