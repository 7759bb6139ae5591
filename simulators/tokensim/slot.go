// Package tokensim is a token in memory: a slot whose contents, PIN, limits and
// failures a test decides.
//
// It guarantees the contract of ports/token (its suite runs here as it does on
// real tokens) with the standard library's cryptography, and keeps the awkward
// truths of real tokens: foreign objects of every kind, duplicates, PINs that
// lock, logins that get lost, sessions that run out, tokens that are swapped,
// calls that hang, or fail although they were carried out. Failures are data
// (Fault). What it does not model (CCM, CMAC, secp256k1, agreement on P-224) it
// refuses as fault.Unsupported and does not list. It checks its caller and
// records what a caller must not do (Misuse).
//
// Tests, features and the lab use it; no program that ships holds it, and a
// token of it calls itself SIMULATED. Everything is safe for concurrent use.
package tokensim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// Options describe a slot. The zero Options are a token without quirks whose
// PIN is empty, which nobody can log in with.
type Options struct {
	PIN           secret.Value
	Slot          uint   // number of the slot
	Label         string // of the token
	WrongPINs     int    // so many wrong PINs in a row lock the PIN; 0: it never locks
	Sessions      int    // so many calls run at a time, others wait; 0: no limit
	NoCheckValues bool   // the token has no CKA_CHECK_VALUE

	// Capabilities are what the token can do, a part of Everything; nil: all of it.
	Capabilities *hsm.Capabilities

	// Delays make every call of a kind take that long.
	Delays map[Call]time.Duration
	// Sleep waits; nil: real time. It returns ctx's error when that ends first.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Slot is a slot with a token in it. It holds the token's state, which outlives
// the Tokens that Open returns.
type Slot struct {
	opts     Options
	caps     hsm.Capabilities
	sessions chan struct{} // nil: no limit
	faults   script

	mu     sync.Mutex
	inside *card // nil: no token in the slot
	first  *card
	cards  int
	open   map[*Token]bool
	misuse []Misuse
	good   int
	bad    int
}

// card is the token itself.
type card struct {
	serial    string
	pin       secret.Value
	wrong     int // wrong PINs since the last right one
	locked    bool
	epoch     int // grows when all logins are lost
	objects   []*object
	destroyed map[string]bool // what was destroyed, and reported so
}

// New returns a slot with an empty token.
func New(o Options) *Slot {
	s := &Slot{opts: o, caps: Everything(), open: map[*Token]bool{}}
	if o.Capabilities != nil {
		s.caps = *o.Capabilities
	}
	if o.Sessions > 0 {
		s.sessions = make(chan struct{}, o.Sessions)
	}
	if s.opts.Sleep == nil {
		s.opts.Sleep = sleep
	}
	s.inside = s.newCard()
	s.first = s.inside
	return s
}

func (s *Slot) newCard() *card {
	s.cards++
	return &card{serial: fmt.Sprintf("SIMULATED-%d", s.cards), pin: s.opts.PIN, destroyed: map[string]bool{}}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Open logs in. A PIN that is not accepted is fault.Unavailable with the reason.
func (s *Slot) Open(ctx context.Context, pin secret.Value) (*Token, error) {
	t := &Token{slot: s, pin: pin}
	err := t.carryOut(ctx, Open, nil, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inside == nil {
			return fault.New(fault.Unavailable, "no token in the slot").Because(fault.WrongSlot)
		}
		if err := s.login(s.inside, pin); err != nil {
			return err
		}
		t.serial, t.epoch = s.inside.serial, s.inside.epoch
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[t] = true
	return t, nil
}

// login tries a PIN once. The caller holds s.mu.
func (s *Slot) login(c *card, pin secret.Value) error {
	switch {
	case pin.Empty():
		return fault.New(fault.Unavailable, "no PIN given").Because(fault.PINMissing)
	case c.locked:
		s.bad++
		return fault.New(fault.Unavailable, "the PIN is locked").Because(fault.PINLocked)
	case !pin.Equal(c.pin):
		s.bad++
		c.wrong++
		c.locked = s.opts.WrongPINs > 0 && c.wrong >= s.opts.WrongPINs
		return fault.New(fault.Unavailable, "the PIN is not accepted").Because(fault.PINIncorrect)
	}
	s.good++
	c.wrong = 0
	return nil
}

// Logins tells how many PINs were accepted and how many refused so far.
func (s *Slot) Logins() (accepted, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.good, s.bad
}
