package slotkeys

import (
	"context"
	"errors"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Check tests a saved connection with its stored PIN for a person, who may have
// mended what was wrong: a PIN that was refused is tried once more, and a token
// that was exchanged is accepted.
func (b *Backend) Check(ctx context.Context, conn groups.Connection) (hsm.Info, error) {
	b.links.retry(conn)
	info, err := b.check(ctx, conn)
	if errors.Is(err, fault.TokenGone) {
		b.links.renew(conn)
		info, err = b.check(ctx, conn)
	}
	return info, err
}

// Status tells whether a saved connection works, without trying a PIN that was
// refused before: nil when it is connected.
func (b *Backend) Status(ctx context.Context, conn groups.Connection) error {
	_, err := b.check(ctx, conn)
	return err
}

func (b *Backend) check(ctx context.Context, conn groups.Connection) (hsm.Info, error) {
	return b.answering(ctx, func(ctx context.Context) (info hsm.Info, err error) {
		_, err = b.links.use(ctx, conn, func(ctx context.Context, t token.Token) error {
			info, err = t.Check(ctx)
			return err
		})
		return info, err
	})
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
