package slotkeys

import (
	"context"
	"errors"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// Check tests a saved connection with its stored PIN for a person, who may have
// mended what was wrong: a PIN that was refused is tried once more, and a token
// that was exchanged is accepted.
func (b *Backend) Check(ctx context.Context, g groups.Group, c id.Connection) (hsm.Info, error) {
	l, err := b.links.find(g, c)
	if err != nil {
		return hsm.Info{}, err
	}
	check := func(ctx context.Context) (hsm.Info, error) { return l.check(ctx, true) }
	info, err := b.answering(ctx, check)
	if errors.Is(err, fault.TokenGone) {
		l.renew()
		info, err = b.answering(ctx, check)
	}
	return info, err
}

// check asks the token, and notes what that tells of the connection.
func (l *link) check(ctx context.Context, insist bool) (hsm.Info, error) {
	o, err := l.acquire(ctx, 0, insist)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			l.note(failover.Broken, err)
		}
		return hsm.Info{}, err // noted by the attempt to open it
	}
	defer l.release(o, nil)
	info, err := o.token.Check(ctx)
	switch e, _ := failover.Judge(err); {
	case e == failover.Refused:
		l.refuse(ctx, err)
		l.note(e, err)
	case errors.Is(ctx.Err(), context.Canceled): // nobody waits for the answer
		l.note(failover.Dropped, nil)
	case err == nil, failover.Busy(err): // which is an answer
		l.note(failover.Answered, nil)
	default:
		l.note(failover.Broken, err)
	}
	return info, err
}

// CheckUnsaved tests a connection that is not saved, with the secrets given.
func (b *Backend) CheckUnsaved(ctx context.Context, conn groups.Connection, pin, clientKey secret.Value) (hsm.Info, error) {
	return b.answering(ctx, func(ctx context.Context) (hsm.Info, error) {
		t, err := b.links.dial(ctx, conn, Access{PIN: pin, ClientKey: clientKey, Insist: true})
		if err != nil {
			return hsm.Info{}, err
		}
		defer func() { _ = t.Close() }()
		return t.Check(ctx)
	})
}

// moment is how long a call may go on after its context has ended.
const moment = time.Second

// answering returns what check does, in time even when check hangs: a test of a
// connection is what people turn to when something hangs.
func (b *Backend) answering(ctx context.Context, check func(context.Context) (hsm.Info, error)) (hsm.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.ConnectWithin)
	type answer struct {
		info hsm.Info
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		defer cancel()
		info, err := check(ctx)
		answers <- answer{info, err}
	}()
	<-ctx.Done() // it has answered, or should any moment
	wait := time.NewTimer(moment)
	defer wait.Stop()
	select {
	case a := <-answers:
		return a.info, notConnected(a.err)
	case <-wait.C:
		return hsm.Info{}, notConnected(fault.New(fault.Unavailable, "the HSM does not answer").Because(fault.TimedOut))
	}
}
