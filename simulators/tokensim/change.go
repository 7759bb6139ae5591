package tokensim

import (
	"gatehouse/core/secret"
)

// Wipe initialises the token anew: its objects and logins are gone, its serial
// and PIN stay.
func (s *Slot) Wipe() {
	s.change(func(c *card) {
		c.objects, c.destroyed = nil, map[string]bool{}
		c.epoch++
	})
}

// DropLogins loses all logins and sessions, as a restart of the HSM does. Tokens
// log in again with the PIN that they were opened with, once.
func (s *Slot) DropLogins() { s.change(func(c *card) { c.epoch++ }) }

// SetPIN changes and unlocks the PIN; those who are logged in stay so.
func (s *Slot) SetPIN(pin secret.Value) {
	s.change(func(c *card) { c.pin, c.wrong, c.locked = pin, 0, false })
}

func (s *Slot) change(f func(*card)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside != nil {
		f(s.inside)
	}
}

// Swap puts another, empty token into the slot: its serial is a new one.
func (s *Slot) Swap() { s.put(s.newCard) }

// Eject takes the token out of the slot.
func (s *Slot) Eject() { s.put(func() *card { return nil }) }

// Reinsert puts the first token back into the slot; all logins to it are lost.
func (s *Slot) Reinsert() {
	s.put(func() *card {
		s.first.epoch++
		return s.first
	})
}

func (s *Slot) put(next func() *card) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside = next()
}
