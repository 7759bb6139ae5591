package pkcs11

import (
	"context"
	"runtime"
	"sync"
)

// A confirmation asks, once for all operations that have just been done with a
// handle, whether it still means its key. An operation's result waits for a
// question that was put after it; those that end while others wait for a session
// share the next one. Asking costs as much as operating, on some tokens.
type confirmation struct {
	mu      sync.Mutex
	waiting []chan error
	asked   bool // somebody is about to ask, and takes with him who waits by then
}

// join waits for the next question; first is true when the caller has to put it.
func (c *confirmation) join() (answer chan error, first bool) {
	answer = make(chan error, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, answer)
	first = !c.asked
	c.asked = true
	return answer, first
}

// take returns who waits.
func (c *confirmation) take() []chan error {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	return waiting
}

// waits returns how many wait.
func (c *confirmation) waits() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

// more reports whether somebody has to ask again for those who wait by now.
func (c *confirmation) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = len(c.waiting) > 0
	return c.asked
}

// confirm returns when it is known that j was done with the object of k that was
// meant, with errMoved when it was not.
func (t *Token) confirm(ctx context.Context, k *key, j job) error {
	if t.m.opts.Recheck == RecheckNever {
		return nil
	}
	c := &k.confirmations[0]
	if j.object != k.handle {
		c = &k.confirmations[1]
	}
	answer, first := c.join()
	if first && ctx.Done() == nil {
		t.ask(ctx, c, k, j)
	} else if first {
		go t.ask(context.WithoutCancel(ctx), c, k, j) // others wait for it when this caller has gone
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ended(ctx)
	}
}

// ask puts the question, and tells all who have waited for it.
func (t *Token) ask(ctx context.Context, c *confirmation, k *key, j job) {
	// Operations that are about to end, or to begin, may do so first.
	for n, last := c.waits(), 0; n > last; last, n = n, c.waits() {
		runtime.Gosched()
	}
	var waiting []chan error
	_, err := again(ctx, t, quick, func(s *session) (struct{}, error) {
		waiting = append(waiting, c.take()...)
		if k.gen != t.handles.generation() {
			return struct{}{}, errMoved
		}
		return struct{}{}, t.recheck(s, k, j)
	})
	if len(waiting) == 0 { // there was no session to ask in
		waiting = c.take()
	}
	for _, answer := range waiting {
		answer <- err
	}
	if c.more() {
		go t.ask(ctx, c, k, j)
	}
}
