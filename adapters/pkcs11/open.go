package pkcs11

import (
	"bytes"
	"context"
	"log/slog"
	"sync"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// maxSessions is a number of sessions that no token means when it tells its limit.
const maxSessions = 1 << 20

// Open logs in to the token in a slot; pin stays the caller's. The PIN is tried
// once. Every failure is Unavailable with a reason, but for fault.Conflict: the
// slot is open already. A failed Open leaves nothing open.
func (m *Module) Open(ctx context.Context, slot uint, pin secret.Value) (*Token, error) {
	if err := m.reserve(slot); err != nil {
		return nil, err
	}
	keep := secret.New(bytes.Clone(pin.Reveal(reveal.Permit{})))
	var h handover
	began := false
	t, err := do(ctx, m, func() {
		if !began {
			m.release(slot)
		}
	}, func() (*Token, error) {
		began = true
		t, err := m.connect(slot, keep)
		if err != nil {
			m.release(slot)
			return nil, err
		}
		if h.abandoned(t) {
			t.disconnect()
		}
		return t, nil
	})
	if err != nil {
		if late := h.abandon(); late != nil {
			_ = late.Close() //nolint:contextcheck // ctx has ended
		}
		return nil, atToken(translate("opening a slot", err))
	}
	return t, nil
}

// handover settles who closes a token that was opened when nobody waited any more.
type handover struct {
	mu   sync.Mutex
	t    *Token
	gone bool
}

// abandoned hands t over, or reports that nobody wants it.
func (h *handover) abandoned(t *Token) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.t = t
	return h.gone
}

// abandon says that nobody wants the token, and returns the one that was handed over.
func (h *handover) abandon() *Token {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	return h.t
}

func (m *Module) reserve(slot uint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.open[slot]; ok {
		return fault.New(fault.Conflict, "the slot is open already")
	}
	m.open[slot] = nil
	return nil
}

func (m *Module) release(slot uint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, slot)
}

// connect opens the session that holds the login, and logs in.
func (m *Module) connect(slot uint, pin secret.Value) (*Token, error) {
	who, info, err := m.tokenIn(slot, true)
	if err != nil {
		return nil, err
	}
	t := &Token{m: m, slot: slot, who: who, pin: pin, healing: make(chan struct{}, 1), log: m.opts.Log.With(slog.Uint64("slot", uint64(slot)))}
	h, err := t.openHandle()
	if err != nil {
		return nil, err
	}
	t.login, t.loginEpoch = h, m.epoch.Load()
	if err := t.logIn(h, info.Flags); err != nil {
		t.closeHandle(h)
		return nil, err
	}
	n := m.opts.Sessions
	for _, limit := range []uint{info.MaxSessionCount, info.MaxRwSessionCount} {
		if limit > 0 && limit < maxSessions {
			n = max(1, min(n, int(limit)-1))
		}
	}
	t.lanes, t.free, t.jobs = newLanes(n), make(chan *session, n), make(chan func(*session))
	for range n {
		t.free <- &session{scratch: make([]byte, scratchSize)}
		go t.serve()
	}
	t.handles = newHandles(m.opts.Handles)
	t.copies.want(who, m.opts)
	t.caps = t.capabilities()
	t.settle()
	t.calls.start()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[slot] = t
	return t, nil
}

// logIn logs in on session h. A PIN that the token says is locked is not tried.
func (t *Token) logIn(h cryptoki.Session, flags uint) error {
	pin := t.pin.Reveal(reveal.Permit{})
	switch {
	case flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0:
		pin = nil
	case len(pin) == 0 && flags&pkcs11.CKF_LOGIN_REQUIRED == 0:
		t.loginless = true
		return nil
	case len(pin) == 0:
		return fault.New(fault.Unavailable, "the HSM needs a PIN").Because(fault.PINMissing)
	case flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return fault.New(fault.Unavailable, "the HSM has locked the PIN").Because(fault.PINLocked)
	}
	if flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0 {
		t.log.Warn("the token allows one more try of the PIN")
	}
	err := t.m.lib.LoginUser(h, pin)
	if code(err) == pkcs11.CKR_USER_ALREADY_LOGGED_IN {
		// Somebody in this process left a login behind; the PIN has not been looked at.
		if err := t.m.lib.Logout(pkcs11.SessionHandle(h)); err != nil {
			return err
		}
		err = t.m.lib.LoginUser(h, pin)
	}
	return err
}
