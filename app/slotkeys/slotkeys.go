// Package slotkeys is the key backend of HSM groups: each call takes the
// group's connections in failover order until one carries it out.
//
// It guarantees that a connection which does not work costs its group nothing
// while another one does, that a changed or deleted connection is used by
// nobody who asks after the change was adopted, that calls under way end with
// the token that they began with, and that a PIN which was refused is not tried
// again until the connection is changed or a person asks for a test. It keeps
// one token per connection open, shares it among all callers, and knows the
// state of each connection without asking (Watch). It is used by the keyring,
// by grouping and by sync. Safe for concurrent use.
//
// The files: slotkeys and try hold what is common to all calls, use, making,
// recovery and inventory the calls; roster, link, opening, health and pin what is
// known of the connections; watch and check what keeps that fresh.
package slotkeys

import (
	"context"
	"time"

	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/seal"
	"gatehouse/ports/token"
)

// Dial opens the token at the end of a connection, or gives up within a moment
// of its context's end.
type Dial func(ctx context.Context, conn groups.Connection, a Access) (token.Token, error)

// Access is what opens a connection: its secrets, unsealed; either may be empty.
type Access struct {
	PIN       secret.Value
	ClientKey secret.Value

	// Insist is set when a person asks for a test: a PIN that was refused
	// before may be tried once more.
	Insist bool
}

// Config is what a Backend needs besides its collaborators. Zero durations mean the defaults.
type Config struct {
	Now     func() time.Time                 // required
	Jitter  func() float64                   // from 0 to below 1; nil: none
	Shuffle func(n int, swap func(i, j int)) // as math/rand has it

	// Normalise reads imported material: it returns the spec with size and curve
	// as the material has them, the material in the form that token.Token takes,
	// and whether it holds more than a public key. fault.Invalid when it is not
	// what the spec says.
	Normalise func(keys.Spec, secret.Value) (spec keys.Spec, normal secret.Value, private bool, err error)

	// AsData returns the encryption that wraps a value as w says.
	AsData func(w operations.Wrap, value secret.Value) operations.Encrypt

	// Remember records that the PIN of a connection was refused or, with the
	// zero Refusal, accepted again, if the connection still leads the same way.
	// It is tried again until it succeeds. nil: the memory of this process must do.
	Remember func(ctx context.Context, g id.Group, conn groups.Connection, r groups.Refusal) error

	ConnectWithin   time.Duration // opening a connection, with its login; 10 s
	Patience        time.Duration // waiting for one to open while another one is there; 2 s
	ProbeWithin     time.Duration // a connection that does not answer a probe in this time does not work; 3 s
	ProbeEvery      time.Duration // a connection that nobody uses is probed so often; 10 s
	OperateWithin   time.Duration // one use of a key, on all connections together; 15 s
	ChangeWithin    time.Duration // making, importing, changing, destroying a key; 90 s
	InventoryWithin time.Duration // reading all objects; 10 min

	Calls int // under way through one connection; further ones go elsewhere or are refused as busy; 1024
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ConnectWithin, 10*time.Second)
	def(&c.Patience, 2*time.Second)
	def(&c.ProbeWithin, 3*time.Second)
	def(&c.ProbeEvery, 10*time.Second)
	def(&c.OperateWithin, 15*time.Second)
	def(&c.ChangeWithin, 90*time.Second)
	def(&c.InventoryWithin, 10*time.Minute)
	if c.Calls == 0 {
		c.Calls = 1024
	}
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0 }
	}
	if c.Remember == nil {
		c.Remember = func(context.Context, id.Group, groups.Connection, groups.Refusal) error { return nil }
	}
	return c
}

// Backend reaches keys in HSM slots.
type Backend struct {
	links *links
	cfg   Config
}

var _ backend.Backend = (*Backend)(nil)

// New returns a backend that opens tokens with dial.
func New(dial Dial, sealer seal.Sealer, cfg Config) *Backend {
	cfg = cfg.withDefaults()
	return &Backend{links: newLinks(dial, sealer, cfg), cfg: cfg}
}

// Close gives up all tokens, and returns when their last users are done and
// they are closed.
func (b *Backend) Close() { b.links.close() }

// Adopt makes g's connections those that all later calls use, whatever version
// of the group they come with. Whoever changes a group adopts it before the
// change is answered.
func (b *Backend) Adopt(g groups.Group) {
	_, _ = b.links.roster(g) // closed: there is nothing to adopt for
	b.links.wake()
}

// Forget gives up the connections of a group that is deleted.
func (b *Backend) Forget(g id.Group) { b.links.forget(g) }
