package gateway

import (
	"context"
	"errors"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// ErrRetired is the cause of the error that a call returns, without doing
// anything, after the gateway has given the login up: opening the slot again
// may help.
var ErrRetired = errors.New("login given up")

// A Lease is one client's use of a slot that others may use as well: a
// token.Token whose calls tell the gateway how the token is.
type Lease struct {
	login *login

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

var _ token.Token = (*Lease)(nil)

// begin opens a call to the token; end must follow when it returns no error.
func (l *Lease) begin() (epoch uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, fault.New(fault.Unavailable, "the slot is closed")
	}
	if l.login.retired.Load() {
		return 0, fault.Wrap(fault.Unavailable, ErrRetired, "the slot has been closed").Untried()
	}
	l.calls.Add(1)
	return l.login.slot.epoch.Load(), nil
}

// end closes a call and learns from its error.
func (l *Lease) end(ctx context.Context, epoch uint64, err error) {
	l.login.observe(ctx, epoch, err)
	l.calls.Done()
}

// Suspect tells that a call to the token has taken longer than its client
// waited, and goes on: the token is asked soon whether it serves.
func (l *Lease) Suspect() {
	g := l.login.slot.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := l.login.slot; s.login == l.login {
		s.health.suspect = true
		s.trouble.Store(true)
	}
}

// Check does a real call to the token and tells what it is.
func (l *Lease) Check(ctx context.Context) (hsm.Info, error) {
	epoch, err := l.begin()
	if err != nil {
		return hsm.Info{}, err
	}
	info, err := l.login.tok.Check(ctx)
	l.end(ctx, epoch, err)
	return info, err
}

// Inventory yields the objects in the slot.
func (l *Lease) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	epoch, err := l.begin()
	if err != nil {
		return err
	}
	var refused error // by yield: says nothing about the token
	err = l.login.tok.Inventory(ctx, f, func(o hsm.Object) error {
		refused = yield(o)
		return refused
	})
	if refused != nil {
		l.end(ctx, epoch, nil)
		return err
	}
	l.end(ctx, epoch, err)
	return err
}

// Generate makes a key.
func (l *Lease) Generate(ctx context.Context, t hsm.Template) (hsm.Object, error) {
	epoch, err := l.begin()
	if err != nil {
		return hsm.Object{}, err
	}
	o, err := l.login.tok.Generate(ctx, t)
	l.end(ctx, epoch, err)
	return o, err
}

// Import puts a key into the token.
func (l *Lease) Import(ctx context.Context, t hsm.Template, material secret.Value) (hsm.Object, error) {
	epoch, err := l.begin()
	if err != nil {
		return hsm.Object{}, err
	}
	o, err := l.login.tok.Import(ctx, t, material)
	l.end(ctx, epoch, err)
	return o, err
}

// Operate does op with a key.
func (l *Lease) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	epoch, err := l.begin()
	if err != nil {
		return operations.Result{}, err
	}
	r, err := l.login.tok.Operate(ctx, ref, op)
	l.end(ctx, epoch, err)
	return r, err
}

// Wrap returns a key encrypted with another one.
func (l *Lease) Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	epoch, err := l.begin()
	if err != nil {
		return operations.Result{}, err
	}
	r, err := l.login.tok.Wrap(ctx, with, subject, w)
	l.end(ctx, epoch, err)
	return r, err
}

// Unwrap makes a key of a wrapped one.
func (l *Lease) Unwrap(ctx context.Context, with hsm.Ref, t hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	epoch, err := l.begin()
	if err != nil {
		return hsm.Object{}, err
	}
	o, err := l.login.tok.Unwrap(ctx, with, t, u)
	l.end(ctx, epoch, err)
	return o, err
}

// Derive makes a key from another one.
func (l *Lease) Derive(ctx context.Context, base hsm.Ref, t hsm.Template, d operations.Operation) (hsm.Object, error) {
	epoch, err := l.begin()
	if err != nil {
		return hsm.Object{}, err
	}
	o, err := l.login.tok.Derive(ctx, base, t, d)
	l.end(ctx, epoch, err)
	return o, err
}

// Update changes attributes of a key.
func (l *Lease) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	epoch, err := l.begin()
	if err != nil {
		return err
	}
	err = l.login.tok.Update(ctx, ref, c)
	l.end(ctx, epoch, err)
	return err
}

// Destroy removes a key.
func (l *Lease) Destroy(ctx context.Context, ref hsm.Ref) error {
	epoch, err := l.begin()
	if err != nil {
		return err
	}
	err = l.login.tok.Destroy(ctx, ref)
	l.end(ctx, epoch, err)
	return err
}

// Close gives the lease up when its calls are done. The slot stays logged in
// for others, and for a while for who may come back.
func (l *Lease) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	l.calls.Wait()
	if first {
		g := l.login.slot.g
		g.mu.Lock()
		defer g.mu.Unlock()
		if l.login.users--; l.login.users == 0 {
			l.login.idle = g.cfg.Now()
		}
	}
	return nil
}
