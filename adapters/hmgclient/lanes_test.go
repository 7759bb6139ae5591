package hmgclient_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// TestRepeatedWhenTheConnectionBreaks cuts the connection under requests that
// change nothing: they are done again over a new one, each once.
func TestRepeatedWhenTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const callers = 4
	var calls atomic.Int64
	began, proceed := make(chan struct{}, 2*callers), make(chan struct{})
	w.token.operate = func(operations.Operation) (operations.Result, error) {
		calls.Add(1)
		began <- struct{}{}
		<-proceed
		return operations.Result{Output: []byte("mac")}, nil
	}
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, nil)
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			r, err := tok.Operate(t.Context(), anyKey, anyOp)
			if err != nil || string(r.Output) != "mac" {
				t.Errorf("got %q, %v", r.Output, err)
			}
		})
	}
	for range callers {
		<-began
	}
	c.cut()
	for range callers {
		<-began
	}
	close(proceed)
	done.Wait()
	if got := calls.Load(); got != 2*callers {
		t.Errorf("the token was asked %d times, want %d", got, 2*callers)
	}
	if got := c.made.Load(); got != 2 {
		t.Errorf("%d connections were made, want 2", got)
	}
}

// TestAnotherGatewayTakesOver puts two gateways behind one address, one
// connection to each: when one's HSM fails, its requests go to the other.
func TestAnotherGatewayTakesOver(t *testing.T) {
	t.Parallel()
	ill, good := newWorld(t), newWorld(t)
	good.pki = ill.pki
	good.restart()
	var fails atomic.Bool
	var met, served atomic.Int64
	ill.token.operate = func(operations.Operation) (operations.Result, error) {
		if fails.Load() {
			met.Add(1)
			return operations.Result{}, fault.New(fault.Unavailable, "the HSM reports a failure").Because(fault.TokenFailed)
		}
		return operations.Result{}, nil
	}
	good.token.operate = func(operations.Operation) (operations.Result, error) {
		served.Add(1)
		return operations.Result{}, nil
	}
	c := newCable(t, ill.address)
	tok := dialOver(t, ill, c, func(cfg *hmgclient.Config) { cfg.Connections = 2 })
	c.moveTo(good.address)
	until(t, "the second connection is in use", func() bool {
		if _, err := tok.Operate(t.Context(), anyKey, anyOp); err != nil {
			t.Errorf("while all is well: %v", err)
		}
		return served.Load() > 0
	})
	fails.Store(true)
	for range 20 {
		if _, err := tok.Operate(t.Context(), anyKey, anyOp); err != nil {
			t.Errorf("while one gateway fails: %v", err)
		}
	}
	if got := met.Load(); got == 0 || got > 2 {
		t.Errorf("the failing gateway was asked %d times, want it left alone once it has failed", got)
	}
	if got := c.made.Load(); got != 2 {
		t.Errorf("%d connections were made, want 2", got)
	}
}

// TestGivenUpWhileConnecting: a load balancer that gives up the gateway to which a
// connection is being made leads the next one elsewhere. No request fails for it.
func TestGivenUpWhileConnecting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, nil)
	release := c.stick() // from now on the gateway is frozen
	defer release()
	c.cut()
	ended := make(chan error, 1)
	go func() {
		_, err := tok.Operate(t.Context(), anyKey, anyOp)
		ended <- err
	}()
	until(t, "another connection is being made", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.ends) > 0
	})
	c.cut()
	release()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want it done over the next connection", err)
	}
}

// TestOldConnectionsAreChanged uses a token while its connection is changed
// again and again: no request notices, not even one that takes longer than that.
func TestOldConnectionsAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow, proceed := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	w.token.operate = func(operations.Operation) (operations.Result, error) {
		if first.CompareAndSwap(false, true) {
			close(slow)
			<-proceed
		}
		return operations.Result{}, nil
	}
	c := newCable(t, w.address)
	tok := dialOver(t, w, c, func(cfg *hmgclient.Config) { cfg.MaxAge = 20 * time.Millisecond })
	ended := make(chan error, 1)
	go func() {
		_, err := tok.Operate(t.Context(), anyKey, anyOp)
		ended <- err
	}()
	<-slow
	until(t, "the connection was changed five times", func() bool {
		if _, err := tok.Operate(t.Context(), anyKey, anyOp); err != nil {
			t.Errorf("while connections are changed: %v", err)
		}
		return c.made.Load() > 5
	})
	close(proceed)
	if err := <-ended; err != nil {
		t.Errorf("the slow request: %v", err)
	}
}

// until calls done until it is true, or fails the test.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	for !done() {
		select {
		case <-late:
			t.Fatalf("it never came about that %s", what)
		default:
		}
	}
}
