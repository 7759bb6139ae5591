// Package keyring holds the use cases of keys: make, import, find, list,
// change, delete, export and use them, and recover what a crash interrupted.
//
// Every call authorises, acts and audits at once. What changes a token is
// written down as an intent first. It finds the backend by the kind of the
// key's group and knows nothing else of where material lives. Safe for
// concurrent use.
package keyring

import (
	"context"
	"time"

	"gatehouse/app/catalogue"
	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/store"
)

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now   func() time.Time
	NewID func() string

	// Grace is how long after an intent was begun its token may still be
	// carrying it out, so that not finding the key yet proves nothing. Zero means 3 minutes.
	Grace time.Duration
}

// Service manages and uses keys.
type Service struct {
	cat    *catalogue.Catalogue
	ledger *ledger.Ledger
	sealed backend.Backend // ordinary groups
	slots  backend.Backend // HSM groups
	cfg    Config
	work   *work
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, l *ledger.Ledger, sealed, slots backend.Backend, cfg Config) *Service {
	if cfg.Grace == 0 {
		cfg.Grace = 3 * time.Minute
	}
	return &Service{cat: cat, ledger: l, sealed: sealed, slots: slots, cfg: cfg, work: newWork()}
}

// backend returns the backend of a kind of group.
func (s *Service) backend(g groups.Group) (backend.Backend, error) {
	switch {
	case g.Kind == groups.Ordinary:
		return s.sealed, nil
	case g.Kind.HSM():
		return s.slots, nil
	default:
		return nil, fault.New(fault.Unsupported, "groups of kind %s are not supported", g.Kind)
	}
}

// Descriptor names a key by its id or by its name.
type Descriptor struct {
	ID   id.Key
	Name string
}

// find returns the key that d names, if the caller may know of it.
func (s *Service) find(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, error) {
	var k keys.Key
	var err error
	switch {
	case d.ID != "" && d.Name == "":
		k, err = s.cat.Key(ctx, d.ID)
	case d.Name != "" && d.ID == "":
		if c.Account == "" {
			return k, access.ErrNoSuchKey()
		}
		k, err = s.cat.KeyByName(ctx, c.Account, d.Name)
	default:
		return k, fault.New(fault.Invalid, "a key is named by exactly one of kid and name")
	}
	if err == nil {
		err = access.SeeKey(c, k)
	}
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// home returns a key's group, and the backend where its material is.
func (s *Service) home(ctx context.Context, gid id.Group) (groups.Group, backend.Backend, error) {
	g, err := s.cat.Group(ctx, gid)
	if err != nil {
		return g, nil, err
	}
	b, err := s.backend(g)
	return g, b, err
}

// Find returns a key that the caller may know of; NotFound otherwise.
func (s *Service) Find(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, error) {
	k, err := s.find(ctx, c, d)
	if err != nil {
		return keys.Key{}, err
	}
	k.State = k.StateAt(s.cfg.Now())
	return k, nil
}

// List returns the keys that q selects among those that the caller may know of.
func (s *Service) List(ctx context.Context, c access.Caller, q store.KeyQuery) (store.KeyPage, error) {
	if c.Account == "" {
		return store.KeyPage{}, fault.New(fault.Denied, "select an account first")
	}
	q.Account = c.Account
	if c.Role == access.CryptoApp || c.Role == access.AccountMember {
		q.Groups = make([]id.Group, 0, len(c.Groups))
		for g := range c.Groups {
			q.Groups = append(q.Groups, g)
		}
	}
	page, err := s.cat.ListKeys(ctx, q)
	now := s.cfg.Now()
	for i := range page.Keys {
		page.Keys[i].State = page.Keys[i].StateAt(now)
	}
	return page, err
}

// Use does an operation with a key. Build makes the operation once the key is
// known, because defaults depend on it. The result is released only after the
// use has been recorded, unless the key's HIGHVOLUME switches that off.
func (s *Service) Use(ctx context.Context, c access.Caller, d Descriptor, build func(keys.Key) (operations.Operation, error)) (keys.Key, operations.Result, error) {
	var k keys.Key
	var res operations.Result
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "key use"}, func(e *ledger.Entry) error {
		var err error
		if k, err = s.find(ctx, c, d); err != nil {
			return err
		}
		e.Object, e.Group, e.HighVolume = string(k.ID), k.Group, k.Ops.Has(keys.OpHighVolume)
		op, err := build(k)
		if err != nil {
			return err
		}
		e.Action = operations.Name(op)
		authorised, err := access.AuthoriseUse(c, k, op, s.cfg.Now())
		if err != nil {
			return err
		}
		g, b, err := s.home(ctx, k.Group)
		if err != nil {
			return err
		}
		res, err = b.Operate(ctx, g, authorised)
		return err
	})
	if err != nil {
		return keys.Key{}, operations.Result{}, err
	}
	return k, res, nil
}

// Export returns a key with its value.
func (s *Service) Export(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, secret.Value, error) {
	var k keys.Key
	var v secret.Value
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "key export"}, func(e *ledger.Entry) error {
		var err error
		if k, err = s.find(ctx, c, d); err != nil {
			return err
		}
		e.Object, e.Group = string(k.ID), k.Group
		if err := access.Export(c, k, s.cfg.Now()); err != nil {
			return err
		}
		g, b, err := s.home(ctx, k.Group)
		if err != nil {
			return err
		}
		v, err = b.Export(ctx, g, k)
		return err
	})
	if err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	return k, v, nil
}
