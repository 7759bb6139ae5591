package gateway

import (
	"slices"
	"sync/atomic"
	"time"

	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// A slot is a row of the table. The fields below the line belong to Gateway.mu.
type slot struct {
	g       *Gateway
	number  uint
	opening chan struct{} // filled by who opens it

	traffic atomic.Bool   // a call has gone well since the last probe
	trouble atomic.Bool   // health.bad or health.suspect: a call that goes well is news
	epoch   atomic.Uint64 // grows when a call fails: those that began before prove nothing

	// ----
	holders int // openers under way
	login   *login
	leaving *login       // the one before, whose token is or was being closed
	refused refusals     // PINs that the token did not accept
	retry   secret.Value // when opening failed: the PIN to open it with once the token answers
	asked   time.Time    // when somebody last opened it
	strikes strikes
	health  health
}

// A login is one token, shared by the clients that presented its PIN.
type login struct {
	slot *slot
	tok  token.Token
	pin  secret.Value
	gone chan struct{} // closed when the token is

	retired atomic.Bool // out of the table: clients must open the slot again

	// Gateway.mu:
	users int
	idle  time.Time // since when users is 0
	dead  bool      // the token has refused the PIN since: good for nothing but closing
}

// refusals are the PINs that a token did not accept lately, the last one last.
type refusals []refusal

type refusal struct {
	pin secret.Value
	err error
}

// maxRefusals is how many PINs are remembered.
const maxRefusals = 64

// of returns why the token does not accept pin; nil when it has not been tried.
func (rs refusals) of(pin secret.Value) error {
	for _, r := range rs {
		if pin.Equal(r.pin) {
			return r.err
		}
	}
	return nil
}

// without returns what is left when the token has accepted pin.
func (rs refusals) without(pin secret.Value) refusals {
	return slices.DeleteFunc(rs, func(r refusal) bool { return pin.Equal(r.pin) })
}

// with returns the refusals and one more.
func (rs refusals) with(pin secret.Value, err error) refusals {
	rs = append(rs.without(pin), refusal{pin, err})
	return rs[max(0, len(rs)-maxRefusals):]
}

// inUse reports whether s counts for the gateway's health: it is logged in to,
// or was to be and could not for reasons on this side.
func (s *slot) inUse() bool {
	return s.login != nil && !s.login.dead || s.health.bad
}
