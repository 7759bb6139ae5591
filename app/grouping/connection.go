package grouping

import (
	"bytes"
	"math"
	"slices"

	"gatehouse/app/internal/patch"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

// MaxConnections is how many connections one group may have.
const MaxConnections = 32

// Connection is a connection as an administrator gives it, with its secrets
// unsealed. Empty fields of a change leave what is saved.
type Connection struct {
	Kind      groups.Kind
	Address   string // host or host:port
	Slot      *uint
	PIN       secret.Value
	Order     *int32
	TLS       *groups.TLS // ClientKey empty: see ClientKey
	ClientKey secret.Value
}

// checked returns the connection without its secrets, or what is wrong with it.
func (n Connection) checked() (groups.Connection, error) {
	if !n.Kind.HSM() {
		return groups.Connection{}, fault.New(fault.Unsupported, "connections of kind %s are not supported", n.Kind)
	}
	address, err := n.Kind.ParseAddress(n.Address)
	if err != nil {
		return groups.Connection{}, err
	}
	conn := groups.Connection{Kind: n.Kind, Address: address}
	switch {
	case n.Kind.Service(): // which has none; clients that send one all the same mean nothing by it
	case n.Slot == nil:
		return groups.Connection{}, fault.New(fault.Invalid, "slot is required")
	default:
		conn.Slot = *n.Slot
	}
	if n.Order != nil {
		conn.Order = *n.Order
	}
	conn.TLS = groups.TLS{Mode: groups.TLSRequired, GlobalRoots: true, ValidateHostname: true}
	if n.TLS != nil {
		conn.TLS = *n.TLS
	}
	return conn, checkTLS(conn.Kind, conn.TLS, !n.ClientKey.Empty())
}

// checkTLS reports what is wrong with t; newKey tells that a client key is given
// beside it.
func checkTLS(k groups.Kind, t groups.TLS, newKey bool) error {
	hasKey := newKey || !t.ClientKey.Empty()
	switch {
	case t.Mode == groups.TLSDisabled && k.Service():
		return fault.New(fault.Invalid, "another service speaks TLS only: tls.mode must be required")
	case t.Mode == groups.TLSDisabled:
		return fault.New(fault.Invalid, "a gateway speaks TLS only: tls.mode must be required")
	case t.Mode != groups.TLSRequired && t.Mode != groups.TLSOpportunistic:
		return fault.New(fault.Invalid, "tls.mode is not one that the API knows")
	case len(t.ClientCert) != 0 && !hasKey:
		return fault.New(fault.Invalid, "tls.client_cert needs tls.client_key")
	case len(t.ClientCert) == 0 && hasKey:
		return fault.New(fault.Invalid, "tls.client_key needs tls.client_cert")
	default:
		return nil
	}
}

// addConnections adds new connections to g, which becomes an HSM group of their kind.
func (s *Service) addConnections(g groups.Group, add []Connection) (groups.Group, error) {
	if len(g.Connections)+len(add) > MaxConnections {
		return g, fault.New(fault.Invalid, "a group has at most %d connections", MaxConnections)
	}
	g.Connections = slices.Clone(g.Connections)
	for _, n := range add {
		conn, err := n.checked()
		if err != nil {
			return g, err
		}
		if g.Kind != groups.Ordinary && g.Kind != conn.Kind {
			return g, fault.New(fault.Invalid, "all connections of a group must be of one kind")
		}
		conn.ID = id.Connection(s.cfg.NewID())
		if n.Order == nil {
			conn.Order = nextOrder(g)
		}
		if conn, err = s.sealed(conn, n); err != nil {
			return g, err
		}
		g.Kind = conn.Kind
		g.Connections = append(g.Connections, conn)
	}
	return g, nil
}

// nextOrder is the priority number of a connection that is to come last.
func nextOrder(g groups.Group) int32 {
	conns := g.ByPriority()
	if len(conns) == 0 {
		return 0
	}
	last := conns[len(conns)-1].Order
	return last + min(1, math.MaxInt32-last)
}

// modified returns saved with what ch gives. The saved PIN stays with the
// gateway that it was given for: whoever changes where the connection leads, or
// whom it trusts, gives the PIN again, or else could have it sent to a gateway
// of its own.
func (s *Service) modified(saved groups.Connection, ch Connection) (groups.Connection, error) {
	before := saved
	if ch.Kind != groups.Ordinary && ch.Kind != saved.Kind {
		return saved, fault.New(fault.Invalid, "the kind of a connection cannot be changed")
	}
	if ch.Address != "" {
		address, err := saved.Kind.ParseAddress(ch.Address)
		if err != nil {
			return saved, err
		}
		saved.Address = address
	}
	if !saved.Kind.Service() {
		patch.Set(&saved.Slot, ch.Slot)
	}
	patch.Set(&saved.Order, ch.Order)
	if ch.TLS != nil {
		clientKey := saved.TLS.ClientKey
		saved.TLS = *ch.TLS
		if len(saved.TLS.ClientCert) != 0 {
			saved.TLS.ClientKey = clientKey
		}
	}
	if err := checkTLS(saved.Kind, saved.TLS, !ch.ClientKey.Empty()); err != nil {
		return saved, err
	}
	if leadsElsewhere(before, saved) && ch.PIN.Empty() && !before.PIN.Empty() {
		return saved, fault.New(fault.Invalid, "give the pin again: a change of url or tls could send the saved one to another gateway")
	}
	changed, err := s.sealed(saved, ch)
	if !changed.SameWay(before) {
		changed.Refusal = groups.Refusal{} // what was refused is not what will be tried
	}
	return changed, err
}

// leadsElsewhere reports whether b may lead to another gateway than a.
func leadsElsewhere(a, b groups.Connection) bool {
	return a.Address != b.Address || a.TLS.Mode != b.TLS.Mode || a.TLS.GlobalRoots != b.TLS.GlobalRoots ||
		a.TLS.ValidateHostname != b.TLS.ValidateHostname || !slices.EqualFunc(a.TLS.Pinned, b.TLS.Pinned, bytes.Equal)
}

// sealed returns conn with the secrets of n sealed into it.
func (s *Service) sealed(conn groups.Connection, n Connection) (groups.Connection, error) {
	var err error
	if !n.PIN.Empty() {
		if conn.PIN, err = s.sealer.Seal(seal.ConnectionPIN, string(conn.ID), n.PIN); err != nil {
			return conn, err
		}
	}
	if !n.ClientKey.Empty() {
		conn.TLS.ClientKey, err = s.sealer.Seal(seal.ConnectionKey, string(conn.ID), n.ClientKey)
	}
	return conn, err
}
