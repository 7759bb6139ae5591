package pkcs11

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

var _ token.Token = (*Token)(nil)

// Token is a logged-in slot. When its sessions are lost it logs in again, once,
// to the same token only; when that fails every call fails until it is healed or
// opened anew.
type Token struct {
	m       *Module
	slot    uint
	who     identity
	pin     secret.Value
	log     *slog.Logger
	caps    hsm.Capabilities
	padding padding
	calls   drain
	lanes   lanes
	free    chan *session
	jobs    chan func(*session) // for serve
	handles *handles
	queue   queue
	copies  copies
	writes  atomic.Uint64         // grows with every change of token objects
	pool    atomic.Uint64         // grows when all sessions but the one with the login are to be replaced
	logins  atomic.Uint64         // grows when all sessions have been closed
	way     atomic.Int32          // of provings
	proven  atomic.Bool           // way has worked
	healing chan struct{}         // held by Heal and by Close
	broken  atomic.Pointer[error] // why the token is of no use any more
	renewed atomic.Uint64         // sessions dropped because of an error
	anew    atomic.Uint64         // logins that calls made because the first one was lost

	settling   sync.Mutex // held while a way to prove the token is looked for
	mu         sync.Mutex
	loginless  bool // the token asks for no login
	opened     opened
	trial      trial            // of login
	login      cryptoki.Session // holds the login, and does nothing else but tell whether the token lives
	loginEpoch uint64           // of the module when login was opened
}

// Check asks the token who it is, has it do real work with a test key of the
// session, or what else it can do, compares the result, and asks for random
// numbers. It leaves nothing behind.
func (t *Token) Check(ctx context.Context) (hsm.Info, error) {
	info, err := again(ctx, t, quick, t.check)
	return info, atToken(translate("checking a token", err))
}

func (t *Token) check(s *session) (hsm.Info, error) {
	info, err := t.present(s.handle)
	if err != nil {
		return hsm.Info{}, err
	}
	spoilt, err := t.prove(s.handle, &s.trial)
	if spoilt && err == nil && !s.lent {
		t.drop(s)
	}
	if err != nil {
		return hsm.Info{}, err
	}
	return hsm.Info{
		Slot: t.slot, Label: t.who.label, Serial: t.who.serial, Manufacturer: t.who.manufacturer,
		Model: text(info.Model), Firmware: version(info.FirmwareVersion), Library: t.m.library, Capabilities: t.caps,
		Sessions: hsm.Sessions{Open: int(t.opened.total.Load()), Renewed: t.renewed.Load(), Logins: t.anew.Load()},
	}, nil
}

// present asks the library whether session h is logged in to the token that it
// was. When another token is in the slot, or none, the Token is broken. Libraries
// have been seen to find nothing, without an error, in a token that is gone or
// has ended the login: nothing found is to be believed only after this.
func (t *Token) present(h cryptoki.Session) (pkcs11.TokenInfo, error) {
	info, err := t.same()
	if err == nil && !t.loggedIn(h) {
		err = pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
	}
	return info, err
}

// same asks the library whether the token in the slot is the one that it was.
func (t *Token) same() (pkcs11.TokenInfo, error) {
	who, info, err := t.m.tokenIn(t.slot, t.who.label != "")
	switch {
	case err == nil && who == t.who:
		return info, nil
	case err == nil:
		err = fault.New(fault.Unavailable, "another token is in the slot now")
	case fault.ReasonOf(err) != fault.WrongSlot:
		return info, fault.Wrap(fault.Unavailable, err, "the HSM does not tell who it is").Because(reasonOf(err))
	}
	return info, t.fail(fault.Wrap(fault.Unavailable, err, "the token has been removed or replaced").Because(fault.TokenGone))
}

// random is the one call that needs the device and no key.
func (t *Token) random(h cryptoki.Session) error {
	_, err := t.m.lib.GenerateRandom(pkcs11.SessionHandle(h), 8)
	if e := code(err); e == pkcs11.CKR_RANDOM_NO_RNG || e == pkcs11.CKR_FUNCTION_NOT_SUPPORTED {
		return nil
	}
	return err
}

// alive asks whether the token answers calls that are known to be good.
func (t *Token) alive() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.same(); err != nil {
		return err
	}
	if _, err := t.m.lib.GetSessionInfo(pkcs11.SessionHandle(t.login)); err != nil {
		return err
	}
	if !t.loggedIn(t.login) { // of which not every call tells in these words
		return pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
	}
	spoilt, err := t.prove(t.login, &t.trial)
	if spoilt && err == nil {
		t.closeHandle(t.login)
		t.loginEpoch = 0 // the next session logs in again
	}
	return err
}

// sameEpoch logs in again when the library has been initialised anew.
func (t *Token) sameEpoch() error {
	t.mu.Lock()
	same := t.loginEpoch == t.m.epoch.Load()
	t.mu.Unlock()
	if same {
		return nil
	}
	return t.relogin()
}

// relogin makes sure that the login stands: it logs in again, once, when the
// token in the slot is the one it was. Failing that the Token is broken.
func (t *Token) relogin() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	epoch := t.m.epoch.Load()
	if t.loginEpoch == epoch && t.loggedIn(t.login) {
		return nil
	}
	lost := t.loginEpoch == epoch // and not all that was there before the library was initialised anew
	if lost {
		t.closeHandle(t.login)
	}
	err := t.logInAgain()
	if err == nil && lost {
		t.anew.Add(1)
	}
	return err
}

// logInAgain logs in on a new session, once, if the token in the slot is the one
// it was; t.mu is held, and the session that held the login closed. When the
// token failed to log in, the Token is broken: not every token says of a wrong
// PIN that it is one. What failed before the PIN was presented may be tried again.
func (t *Token) logInAgain() error {
	t.loginEpoch = 0
	t.handles.clear()
	info, err := t.same()
	if err != nil {
		return err
	}
	h, err := t.openHandle()
	if err != nil {
		return atToken(translate("opening a session to log in again", err))
	}
	if !t.loggedIn(h) {
		err = t.logIn(h, info.Flags)
	}
	if err != nil {
		t.closeHandle(h)
		return t.fail(translate("logging in again", err))
	}
	t.handles.clear() // what was not found before is to be looked for again
	t.login, t.loginEpoch, t.trial = h, t.m.epoch.Load(), trial{}
	t.log.Info("logged in again after the session was lost")
	return nil
}

// loggedIn reports whether the library counts session h as the user's, or as
// one that needs no login.
func (t *Token) loggedIn(h cryptoki.Session) bool {
	info, err := t.m.lib.GetSessionInfo(pkcs11.SessionHandle(h))
	if err != nil || info.SlotID != t.slot {
		return false
	}
	return t.loginless || info.State == pkcs11.CKS_RW_USER_FUNCTIONS || info.State == pkcs11.CKS_RO_USER_FUNCTIONS
}

// usable returns why the token is of no use any more; nil when it is.
func (t *Token) usable() error {
	if p := t.broken.Load(); p != nil {
		return *p
	}
	return nil
}

// fail breaks the token until it is healed.
func (t *Token) fail(err error) error {
	err = atToken(err)
	t.broken.CompareAndSwap(nil, &err)
	return err
}

// Close waits for calls under way, logs out and closes the sessions. When calls
// do not end within Options.Drain it fails as Unavailable with fault.TimedOut;
// login and slot are then given up as soon as the calls have ended.
func (t *Token) Close() error {
	if errors.Is(t.usable(), errClosed) {
		return nil
	}
	err := error(fault.Wrap(fault.Unavailable, errClosed, "the connection to the HSM is closed"))
	t.broken.Store(&err)
	ctx, cancel := context.WithTimeout(context.Background(), t.m.opts.Drain)
	defer cancel()
	if err := t.quiet(ctx); err != nil {
		go func() {
			if err := errors.Join(t.quiet(context.Background()), t.giveUp()); err != nil {
				t.log.Warn("closing a token late", slog.Any("error", err))
			}
		}()
		return err
	}
	return translate("closing a token", t.giveUp())
}

// quiet lets nobody heal the token and no new calls in, for good, and waits for
// those under way. When it fails it may be called again.
func (t *Token) quiet(ctx context.Context) error {
	select {
	case t.healing <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	err := t.calls.stop(ctx)
	if err != nil {
		<-t.healing
	}
	return err
}

func (t *Token) giveUp() error {
	_, err := do(context.Background(), t.m, nothing, func() (struct{}, error) {
		t.disconnect()
		return struct{}{}, nil
	})
	return err
}

var errClosed = errors.New("closed")

// disconnect logs out, closes all sessions and frees the slot.
func (t *Token) disconnect() {
	close(t.jobs)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.copies.noCopies()
	lib, epoch := t.m.lib, t.m.epoch.Load()
	if t.loginEpoch == epoch {
		_ = lib.Logout(pkcs11.SessionHandle(t.login))
	}
	for range cap(t.free) {
		if s := <-t.free; s.open && s.epoch == epoch {
			t.closeHandle(s.handle)
		}
	}
	if t.loginEpoch == epoch {
		t.closeHandle(t.login)
	}
	t.pin.Wipe()
	t.m.release(t.slot)
}
