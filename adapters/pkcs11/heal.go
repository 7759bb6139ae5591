package pkcs11

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

// Heal takes one step of the ladder, and asks the token whether it answers after
// it: nil says that it does. NewLogin and NewLibrary make a Token that was
// broken usable again. They wait for calls under way no longer than ctx and
// Options.Drain; calls that come meanwhile are refused as Untried.
//
// The PIN is presented at most once by a step, and by none after the token has
// refused it: the error is then that refusal. NewLibrary concerns all slots of
// the library. None and NewWorker are fault.Unsupported: nothing in this process
// can do more. Every other error is Unavailable.
func (t *Token) Heal(ctx context.Context, step healing.Step) error {
	if step != healing.NewSession && step != healing.NewLogin && step != healing.NewLibrary {
		return fault.New(fault.Unsupported, "the PKCS#11 library cannot be healed in this way")
	}
	if err := t.lost(); err != nil {
		return err
	}
	if err := t.takeStep(ctx, step); err != nil {
		return translate("healing a token", err)
	}
	_, err := t.Check(ctx)
	return err
}

func (t *Token) takeStep(ctx context.Context, step healing.Step) error {
	select {
	case t.healing <- struct{}{}: // one at a time
	case <-ctx.Done():
		return ended(ctx)
	}
	release := func() { <-t.healing }
	switch step {
	case healing.NewSession:
		defer release()
		t.handles.clear()
		t.pool.Add(1)
		return nil
	case healing.NewLogin:
		return t.loginAnew(ctx, t.m.opts.Drain, release)
	default:
		defer release()
		// Broken or not, each Token of the library logs in again when it is next used.
		return t.m.Reinitialise(ctx)
	}
}

// lost returns why nothing can heal the token: it is closed, or its PIN was
// refused; nil for every other reason, and when it is not broken.
func (t *Token) lost() error {
	err := t.usable()
	if errors.Is(err, errClosed) || fault.ReasonOf(err).Credential() {
		return err
	}
	return nil
}

// mend makes a broken token usable again, unless nothing can.
func (t *Token) mend() {
	if p := t.broken.Load(); p != nil && t.lost() == nil {
		t.broken.CompareAndSwap(p, nil)
	}
}

// loginAnew closes all sessions and logs in again, when no call is under way, for
// which it waits so long at most. release runs when that has ended, which may be
// after ctx has.
func (t *Token) loginAnew(ctx context.Context, patience time.Duration, release func()) error {
	drained, cancel := context.WithTimeout(ctx, patience)
	err := t.calls.stop(drained)
	cancel()
	if err != nil {
		release()
		return err
	}
	_, err = do(ctx, t.m, func() {
		t.calls.start()
		release()
	}, func() (struct{}, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if err := t.lost(); err != nil {
			return struct{}{}, err
		}
		t.mend()
		if err := t.m.lib.CloseAllSessions(t.slot); err != nil {
			t.log.Debug("closing all sessions failed", slog.Any("error", err))
		}
		t.forgetHandles()
		t.logins.Add(1)
		return struct{}{}, t.logInAgain()
	})
	return err
}
