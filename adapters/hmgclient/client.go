// Package hmgclient reaches the slots of a gateway: it implements token.Token
// in the protocol of adapters/hmgwire.
//
// It guarantees what token.Token does, over connections that break: requests in
// flight on one that breaks fail as fault.Unavailable, the next request dials
// again and opens the slot again with its PIN, and a PIN that was refused is not
// sent again. All tokens of a Pool at one gateway share its connections, on each
// of which many requests are under way at once. A request that changes nothing
// is repeated when the connection breaks under it. It is used by app/assembly.
// All methods may be called at once.
package hmgclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"gatehouse/core/secret"
)

// Config tells which slot to open, and how to get there.
type Config struct {
	Address string      // host:port of the gateway
	TLS     *tls.Config // whom to trust and what to show (package tlsconf makes one)
	// Pipe, when set, makes the connection instead, which then has no TLS: to a
	// worker process that this one has made. Address and TLS are not used.
	Pipe func(context.Context) (net.Conn, error)
	Slot uint
	PIN  secret.Value

	// Trust tells TLS settings apart: tokens of equal Address and Trust share a
	// connection. Empty: share with tokens of the same TLS pointer.
	Trust string
	// Insist is set when a person asks: the PIN is then tried although the
	// gateway remembers that the HSM has refused it.
	Insist bool

	Software    string        // name and version, told to the gateway
	DialTimeout time.Duration // for connection, handshakes and opening the slot; 0 means 10 seconds
	Silence     time.Duration // a gateway that owes an answer and is silent so long is given up; 0 means 5 seconds, 20 on a Pipe

	// Connections is how many connections to the gateway are used by turns; 0
	// means one. With several, a load balancer at the address can spread them,
	// and what fails on one is repeated on another, if it can be repeated.
	Connections int
	// MaxAge is how long a connection is used before it is changed for a new
	// one, less up to a fifth at random; 0 means for ever. Requests under way end
	// on the old one. So traffic returns to a gateway behind a load balancer.
	MaxAge time.Duration
}

func (c Config) withDefaults() Config {
	c.DialTimeout = cmp.Or(c.DialTimeout, 10*time.Second)
	if c.Pipe == nil {
		c.Silence = cmp.Or(c.Silence, 5*time.Second)
	}
	c.Silence = cmp.Or(c.Silence, 20*time.Second)
	c.Connections = max(c.Connections, 1)
	return c
}

// Pool shares connections among tokens. The zero Pool is ready for use.
type Pool struct {
	mu    sync.Mutex
	gates map[gateKey]*gate
}

type gateKey struct {
	address, trust string
	tls            *tls.Config
}

// Dial opens a slot over a connection of its own; see Pool.Dial.
func Dial(ctx context.Context, cfg Config) (*Token, error) { return new(Pool).Dial(ctx, cfg) }

// Dial opens a slot. It fails as every method of token.Token may: as
// fault.Unavailable, with a fault.Reason that tells an operator what to do
// where one is known.
func (p *Pool) Dial(ctx context.Context, cfg Config) (*Token, error) {
	cfg = cfg.withDefaults()
	t := &Token{gate: p.hold(cfg), slot: cfg.Slot, pin: cfg.PIN, timeout: cfg.DialTimeout}
	t.lanes = make([]tokenLane, len(t.gate.lanes))
	if _, err := t.open(ctx, 0, cfg.Insist); err != nil {
		_ = t.Close() //nolint:contextcheck // the way to the gateway is given up whether ctx has ended or not
		return nil, err
	}
	return t, nil
}

// hold returns the gate to the gateway of cfg, which must be released.
func (p *Pool) hold(cfg Config) *gate {
	key := gateKey{address: cfg.Address, trust: cfg.Trust}
	if key.trust == "" {
		key.tls = cfg.TLS
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.gates[key]
	if g == nil {
		tc := cfg.TLS.Clone()
		if tc != nil {
			tc.MinVersion = max(tc.MinVersion, tls.VersionTLS12)
			tc.DynamicRecordSizingDisabled = true // frames that were joined stay in one record
		}
		g = &gate{pool: p, key: key, tls: tc, pipe: cfg.Pipe, software: cfg.Software, timeout: cfg.DialTimeout, silence: cfg.Silence, age: cfg.MaxAge}
		g.lanes = make([]gateLane, cfg.Connections)
		if p.gates == nil {
			p.gates = map[gateKey]*gate{}
		}
		p.gates[key] = g
	}
	g.users++
	return g
}
