package pkcs11

import (
	"context"
	"errors"
	"time"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// session is a place for one session in a token's pool. It is held by one call
// at a time, which may outlive its caller.
type session struct {
	handle  cryptoki.Session
	open    bool
	lent    bool            // it is the one that holds the login, for want of another
	epoch   uint64          // of the module when it was opened
	login   uint64          // of the token when it was opened
	pool    uint64          // of the token when it was opened
	scratch []byte          // for output of unknown length
	batch   *cryptoki.Batch // nil until it is needed
	trial   trial
}

// errAgain says that a call failed because its session or login was gone, and
// that the token has been logged in to again where it says so itself.
var errAgain = errors.New("the session was lost")

// errBegun wraps an error of a call that may have changed the token, so that it
// is never repeated.
type errBegun struct{ error }

func (e errBegun) Unwrap() error { return e.error }

func begun(err error) bool { return errors.As(err, new(errBegun)) }

// withSession runs f with a session of its own, in lane l. When f fails, the
// session is dropped, but for a short list of harmless errors. f must not touch
// what its caller holds: it may go on when the caller has been answered.
func withSession[T any](ctx context.Context, t *Token, l lane, f func(*session) (T, error)) (T, error) {
	var zero T
	if err := t.begin(ctx, l); err != nil {
		return zero, notBegun(l, err)
	}
	if direct(ctx, t.m) {
		defer t.end(l)
		s := <-t.free
		defer func() { t.free <- s }()
		return attempt(t, s, f)
	}
	result := make(chan outcome[T], 1)
	job := func(s *session) {
		v, err := attempt(t, s, f)
		t.end(l)
		result <- outcome[T]{v, err}
	}
	select {
	case t.jobs <- job:
	case <-ctx.Done():
		t.end(l)
		return zero, notBegun(l, ended(ctx))
	}
	return await(ctx, result)
}

// notBegun says of an error that nothing was tried, but of a search, which may be
// a later one of several.
func notBegun(l lane, err error) error {
	if l == search {
		return err
	}
	return untried(err)
}

// begin counts a call, and waits for its turn in lane l.
func (t *Token) begin(ctx context.Context, l lane) error {
	if err := t.calls.enter(); err != nil {
		return err
	}
	err := t.usable()
	if err == nil {
		err = ended(ctx)
	}
	if err == nil {
		err = t.lanes.enter(ctx, l)
	}
	if err == nil {
		if err = t.m.calls.enter(); err == nil {
			return nil
		}
		t.lanes.leave(l)
	}
	t.calls.leave()
	return err
}

// end is the reverse of begin.
func (t *Token) end(l lane) {
	t.m.calls.leave()
	t.lanes.leave(l)
	t.calls.leave()
}

// serve does jobs one after the other, each with a session. There is one serve
// for each session, so that calls that hang are never more than sessions; a
// goroutine that is there already is cheaper than a new one for each call.
func (t *Token) serve() {
	for job := range t.jobs {
		s := <-t.free
		if t.m.thread == nil {
			job(s)
		} else {
			done := make(chan struct{})
			t.m.thread <- func() {
				defer close(done)
				job(s)
			}
			<-done
		}
		t.free <- s
	}
}

// again is withSession for what may be repeated, which is all that has not begun
// to change the token. It climbs the lower rungs of the ladder: a call that lost
// its session, or failed for no clear reason on a token that answers, is repeated
// once on a new session; one that then finds session or login lost, though the
// token said that they stand, once more after a new login.
func again[T any](ctx context.Context, t *Token, l lane, f func(*session) (T, error)) (T, error) {
	logins := t.logins.Load()
	v, err := withSession(ctx, t, l, f)
	switch {
	case err == nil, begun(err):
		return v, err
	case errors.Is(err, errAgain), unclear(err) && !errors.Is(err, errDead):
		v, err = withSession(ctx, t, l, f)
	}
	if !errors.Is(err, errAgain) || begun(err) || ctx.Value(climbed{}) != nil {
		return v, err
	}
	if failed := t.loginOnce(ctx, logins); failed != nil {
		if fault.ReasonOf(failed).Credential() {
			return v, failed
		}
		return v, err
	}
	return withSession(ctx, t, l, f)
}

// climbed marks the context of a call that has seen a new login: it asks for no other.
type climbed struct{}

// loginPatience is how long a call that needs a new login waits for others to end.
const loginPatience = time.Second

// loginOnce logs in anew, unless somebody has since there were so many logins.
func (t *Token) loginOnce(ctx context.Context, logins uint64) error {
	if t.logins.Load() != logins {
		return nil
	}
	select {
	case t.healing <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	if t.logins.Load() != logins {
		<-t.healing
		return nil
	}
	err := t.loginAnew(ctx, loginPatience, func() { <-t.healing })
	if err == nil {
		t.anew.Add(1)
	}
	return err
}

// attempt runs f with session s.
func attempt[T any](t *Token, s *session, f func(*session) (T, error)) (T, error) {
	generation := t.handles.generation()
	v, err := try(t, s, f)
	if err != nil {
		var zero T
		if unclear(err) && t.handles.generation() != generation { // the login was gone meanwhile: that may be all that was wrong
			return zero, keepBegun(err, errors.Join(atToken(translate("using a session", err)), errAgain))
		}
		return zero, keepBegun(err, t.judge(err))
	}
	return v, nil
}

// keepBegun returns what has become of err. Where err says that the token may have
// been changed, that says so too, and nothing in it that nothing was tried or that
// another connection may do it: as a login says that fails after the change.
func keepBegun(err, became error) error {
	if !begun(err) {
		return became
	}
	switch reason := fault.ReasonOf(became); {
	case errors.Is(became, fault.Untried), reason.Credential(), reason == fault.WrongSlot:
		if reason != fault.Busy && reason != fault.TokenGone && reason != fault.LibraryDown {
			reason = fault.TokenFailed
		}
		return errBegun{fault.Wrap(fault.Unavailable, errors.New(became.Error()), "the HSM failed in the middle of a change").Because(reason)}
	case begun(became):
		return became
	default:
		return errBegun{became}
	}
}

func try[T any](t *Token, s *session, f func(*session) (T, error)) (v T, err error) {
	switch {
	case s.open && (s.epoch != t.m.epoch.Load() || s.login != t.logins.Load()):
		s.open = false // its handle may be somebody else's by now
	case s.open && s.pool != t.pool.Load():
		t.drop(s)
	}
	if !s.open {
		err := t.openSession(s)
		if code(err) == pkcs11.CKR_SESSION_COUNT {
			return borrowLogin(t, s, f)
		}
		if err != nil {
			return v, blameless("opening a session", err)
		}
	}
	v, err = f(s)
	if spoils(err) {
		t.renewed.Add(1)
		t.drop(s)
	}
	return v, err
}

// borrowLogin runs f in the session that holds the login, for tokens that give
// no other. If that session is spoilt the next call logs in again.
func borrowLogin[T any](t *Token, s *session, f func(*session) (T, error)) (T, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lent := &session{handle: t.login, lent: true, scratch: s.scratch, trial: t.trial}
	v, err := f(lent)
	t.trial = lent.trial
	if spoils(err) {
		t.closeHandle(t.login)
		t.loginEpoch = 0 // the next session logs in again
	}
	return v, err
}

// openSession opens s, if need be after logging in again.
func (t *Token) openSession(s *session) error {
	if err := t.sameEpoch(); err != nil {
		return err
	}
	h, err := t.openHandle()
	if err != nil {
		return err
	}
	s.handle, s.open, s.trial = h, true, trial{}
	s.epoch, s.login, s.pool = t.m.epoch.Load(), t.logins.Load(), t.pool.Load()
	return nil
}

// openSession opens a session that may write, or at least read.
func (m *Module) openSession(slot uint) (cryptoki.Session, error) {
	h, err := m.lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if e := code(err); e == pkcs11.CKR_TOKEN_WRITE_PROTECTED || e == pkcs11.CKR_SESSION_READ_ONLY {
		h, err = m.lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	}
	return cryptoki.Session(h), err
}

// renew replaces s by another session if err has spoilt it.
func (t *Token) renew(s *session, err error) error {
	switch {
	case !spoils(err):
		return nil
	case s.lent:
		return errors.New("there is no other session")
	}
	t.renewed.Add(1)
	t.drop(s)
	return t.openSession(s)
}

// drop closes s, after an error or to have another.
func (t *Token) drop(s *session) {
	if s.open {
		s.open = false
		t.closeHandle(s.handle)
	}
}

// errDead is in the errors of a token that does not answer a call known to be good.
var errDead = errors.New("the token does not answer")

// judge makes what can be made of an error: it logs in again where the session
// was lost, and asks the token whether it answers where the error does not say.
func (t *Token) judge(err error) error {
	if unclear(err) {
		switch dead := t.alive(); {
		case dead == nil:
			return err
		case !lost(dead):
			return fault.Wrap(fault.Unavailable, errors.Join(err, dead, errDead), "the HSM reports a failure").Because(reasonOf(dead))
		}
	} else if !lost(err) {
		return err
	}
	if broken := t.relogin(); broken != nil {
		return broken
	}
	return errors.Join(atToken(translate("using a session", err)), errAgain)
}

// reasonOf returns the reason of an error of the token.
func reasonOf(err error) fault.Reason {
	return fault.ReasonOf(atToken(translate("asking the token", err)))
}
