package pkcs11

import (
	"context"
	"runtime"
	"sync"

	"gatehouse/core/fault"
)

// do runs f, which calls the library, and returns when f has ended or ctx has,
// whichever is first. In the second case f goes on and its result is dropped.
// after runs when f has ended, or at once when it never began.
func do[T any](ctx context.Context, m *Module, after func(), f func() (T, error)) (T, error) {
	var zero T
	err := ended(ctx)
	if err == nil {
		err = m.calls.enter()
	}
	if err != nil {
		after()
		return zero, err
	}
	return execute(ctx, m, func() (T, error) {
		defer m.calls.leave()
		defer after()
		return f()
	})
}

func nothing() {}

type outcome[T any] struct {
	v   T
	err error
}

// direct reports whether a call may run on its caller's goroutine: with a context
// that cannot end nobody would be answered sooner. It saves the hand-over to
// another goroutine, which costs a lone caller tens of microseconds.
func direct(ctx context.Context, m *Module) bool { return m.thread == nil && ctx.Done() == nil }

// execute runs f where this library's calls have to run.
func execute[T any](ctx context.Context, m *Module, f func() (T, error)) (T, error) {
	if direct(ctx, m) {
		return f()
	}
	result := make(chan outcome[T], 1)
	run := func() {
		v, err := f()
		result <- outcome[T]{v, err}
	}
	if m.thread == nil {
		go run()
	} else {
		go func() { m.thread <- run }()
	}
	return await(ctx, result)
}

// await waits for a result as long as ctx lasts.
func await[T any](ctx context.Context, result <-chan outcome[T]) (T, error) {
	select {
	case o := <-result:
		return o.v, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-result: // both were ready
		return o.v, o.err
	default:
		var zero T
		return zero, ended(ctx)
	}
}

// serveThread runs what comes on one thread.
func serveThread(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

// ended returns the error of a context that has ended; nil while it has not.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the HSM did not answer in time").Because(fault.TimedOut)
	}
	return nil
}

// untried says of an error that it came before anything was tried.
func untried(err error) error {
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // of this very error, not of one that it wraps
		return e.Untried()
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "%s", fault.Message(err)).Because(fault.ReasonOf(err)).Untried()
	}
	return err
}

func errNoCalls() error {
	return fault.New(fault.Unavailable, "the HSM is closed, or logs in anew").Because(fault.Busy)
}

// drain counts calls, so that they can be waited for.
type drain struct {
	mu      sync.Mutex
	running int
	open    bool
	empty   chan struct{} // closed when the last call has ended after stop
}

// start lets calls in.
func (d *drain) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.empty = true, nil
}

func (d *drain) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open {
		return errNoCalls()
	}
	d.running++
	return nil
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.running == 0 && d.empty != nil {
		close(d.empty)
		d.empty = nil
	}
}

// stop lets no more calls in and waits until the last one has ended. When ctx
// ends first, calls are let in again.
func (d *drain) stop(ctx context.Context) error {
	d.mu.Lock()
	if !d.open {
		d.mu.Unlock()
		return errNoCalls()
	}
	d.open = false
	if d.running == 0 {
		d.mu.Unlock()
		return nil
	}
	empty := make(chan struct{})
	d.empty = empty
	d.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		d.start()
		return ended(ctx)
	}
}
