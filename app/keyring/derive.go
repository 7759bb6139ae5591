package keyring

import (
	"context"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// Order asks for a key that is made with another: unwrapped, derived, agreed
// on, encapsulated or decapsulated.
type Order struct {
	Group     id.Group // empty: the calling app's default; of a transient key ignored
	Spec      keys.Spec
	Transient bool
	KCV       string      // Unwrap: the check value that the key must have, if any
	Peer      *Descriptor // Agree: whose public key
}

// Product is a key that was made with another.
type Product struct {
	Key       keys.Key
	Transient secret.Value      // of a transient key
	Result    operations.Result // of Encapsulate: the ciphertext
}

// Make makes a key with another one, the base. Build makes the operation once
// the base, and the peer if there is one, are known.
//
// A key in an HSM makes keys in its own group; an ordinary or loose one makes
// them anywhere. Transient keys come of ordinary and loose ones alone, and are
// governed by the permissions of the base's group.
func (s *Service) Make(ctx context.Context, c access.Caller, base Descriptor, o Order,
	build func(base, peer keys.Key) (operations.Operation, error),
) (Product, error) {
	m := making{s: s, c: c, order: o, base: base}
	defer func() { s.forget(ctx, m.base, m.key) }()
	if err := m.prepare(ctx, build); err != nil {
		return Product{}, s.refused(ctx, m.entry(), err)
	}
	r := m.recipe()
	var p Product
	var err error
	if o.Transient {
		p.Key, p.Transient, err = s.makeLoose(ctx, c, m.entry(), m.key.Group, o.Spec, r)
	} else {
		p.Key, err = s.create(ctx, c, o.Group, o.Spec, r)
	}
	p.Result = m.result
	if err != nil {
		return Product{}, err
	}
	return p, nil
}

// making is one call of Make.
type making struct {
	s      *Service
	c      access.Caller
	order  Order
	base   Descriptor
	key    keys.Key // the base
	peer   keys.Key
	op     operations.Operation
	group  groups.Group // of the base
	maker  backend.Backend
	auth   *access.Authorised
	result operations.Result
}

// entry is what the log tells before the new key has an id.
func (m *making) entry() ledger.Entry {
	e := ledger.Entry{Caller: m.c, Action: "key " + m.name(), Group: m.order.Group}
	if m.key.ID != "" {
		e.About = "with key " + string(m.key.ID)
	}
	if p := m.order.Peer; p != nil && !p.loose() && m.peer.ID != "" {
		e.About += " and the public key of " + string(m.peer.ID)
	}
	return e
}

func (m *making) name() string {
	if m.op == nil {
		return "make with another"
	}
	return operations.Name(m.op)
}

// prepare finds the keys, and where the base is.
func (m *making) prepare(ctx context.Context, build func(base, peer keys.Key) (operations.Operation, error)) error {
	var err error
	if m.key, err = m.s.findAny(ctx, m.c, m.base); err != nil {
		return err
	}
	if p := m.order.Peer; p != nil {
		peer, err := m.s.findAny(ctx, m.c, *p)
		if err != nil {
			return err
		}
		m.s.forget(ctx, *p, peer) // its public key is all that is needed
		if err := access.Peer(m.c, peer, m.s.cfg.Now()); err != nil {
			return err
		}
		m.peer = peer
	}
	if m.group, m.maker, err = m.s.place(ctx, m.base, m.key); err != nil {
		return err
	}
	m.op, err = build(m.key, m.peer)
	return err
}

// recipe is how create makes the key.
func (m *making) recipe() recipe {
	e := m.entry()
	_, unwraps := m.op.(operations.Unwrap)
	return recipe{
		action: e.Action, about: e.About, imported: unwraps,
		admit: m.admit,
		check: m.check,
		make:  m.make,
		dress: func(k *keys.Key) {
			if !unwraps && !m.base.loose() {
				k.Links.Parent = m.key.ID
			}
		},
	}
}

// admit decides whether a key of group to can be made with the base.
func (m *making) admit(to groups.Group) error {
	switch {
	case m.group.Kind == groups.Ordinary || m.group.ID == to.ID:
	case m.order.Transient:
		return fault.New(fault.Unsupported, "making a transient key with a key in an HSM is not supported")
	default:
		return fault.New(fault.Unsupported, "making a key outside of the HSM group of the key that makes it is not supported")
	}
	if m.order.KCV != "" && m.group.Kind != groups.Ordinary {
		return fault.New(fault.Unsupported, "checking kcv of what an HSM unwraps is not supported")
	}
	return nil
}

// check reads the order and authorises the operation, before anything is begun.
func (m *making) check(spec keys.Spec) (keys.Spec, error) {
	var err error
	if m.auth, err = access.AuthoriseUse(m.c, m.key, m.op, m.s.cfg.Now()); err != nil {
		return spec, err
	}
	switch op := m.op.(type) {
	case operations.Unwrap:
		return spec.CheckImport(len(op.Wrapped))
	case operations.Agree:
		return spec.CheckDerive((m.key.Size + 7) / 8 * 8)
	case operations.Encapsulate, operations.Decapsulate:
		return spec.CheckDerive(256)
	case operations.Derive:
		return spec.CheckDerive(0)
	default:
		return spec, fault.New(fault.Internal, "an operation that makes no key was asked to make one")
	}
}

// make makes the key where it belongs: at once, or by way of the base's backend.
func (m *making) make(ctx context.Context, to backend.Backend, o backend.Order) (backend.Made, error) {
	if m.group.Kind != groups.Ordinary || to == m.maker {
		made, err := m.spend(ctx, o)
		if err == nil && m.group.Kind == groups.Ordinary {
			err = checkKCV(m.order.KCV, made.KCV, made.KCVCMAC)
		}
		return made, err
	}
	there := o
	there.Group = m.group
	made, err := m.spend(ctx, there)
	if err != nil {
		return backend.Made{}, err
	}
	if err := checkKCV(m.order.KCV, made.KCV, made.KCVCMAC); err != nil {
		return backend.Made{}, err
	}
	value, err := m.maker.Export(ctx, m.group, opened(m.s.newKey(m.c.Principal, there, made)))
	if err != nil {
		return backend.Made{}, err
	}
	defer value.Wipe()
	return to.Import(ctx, o, value)
}

func (m *making) spend(ctx context.Context, o backend.Order) (backend.Made, error) {
	if _, unwraps := m.op.(operations.Unwrap); unwraps {
		return m.maker.Unwrap(ctx, o, m.auth)
	}
	made, res, err := m.maker.Derive(ctx, o, m.auth)
	m.result = res
	if err == nil && m.group.Kind == groups.Ordinary { // what an HSM has made is there, and is recorded
		err = m.s.stillPermits(ctx, m.base, m.key, m.op.Needs())
	}
	return made, err
}
