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
	"io"
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

	// Loose is the backend of keys that travel with requests: transient and
	// inline ones. Pack seals such a key, and the state of an encryption in
	// parts, for its owner; Unpack opens it again. Without them there are none.
	Loose  backend.Backend
	Pack   func(owner string, b []byte) ([]byte, error)
	Unpack func(owner string, sealed secret.Value) ([]byte, error)

	Random       io.Reader     // of the initialisation vectors of encryptions in parts
	TransientFor time.Duration // how long a transient key lives; zero means an hour

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
	delays delays
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, l *ledger.Ledger, sealed, slots backend.Backend, cfg Config) *Service {
	if cfg.Grace == 0 {
		cfg.Grace = 3 * time.Minute
	}
	if cfg.TransientFor == 0 {
		cfg.TransientFor = time.Hour
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

// Find returns a key that the caller may know of; NotFound otherwise.
func (s *Service) Find(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, error) {
	k, err := s.findAny(ctx, c, d)
	if err != nil {
		return keys.Key{}, err
	}
	defer s.forget(ctx, d, k)
	k.State = k.StateAt(s.cfg.Now())
	return d.public(k), nil
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
		if k, err = s.findAny(ctx, c, d); err != nil {
			return err
		}
		defer s.forget(ctx, d, k)
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
		g, b, err := s.place(ctx, d, k)
		if err != nil {
			return err
		}
		if res, err = b.Operate(ctx, g, authorised); err != nil {
			return err
		}
		return s.stillPermits(ctx, d, k, op.Needs())
	})
	if err != nil {
		return keys.Key{}, operations.Result{}, err
	}
	return d.public(k), res, nil
}

// Export returns a key with its value.
func (s *Service) Export(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, secret.Value, error) {
	return s.export(ctx, c, d, "key export")
}

// Digest returns a key with what sum makes of its value. Whoever may export a
// key may ask for that.
func (s *Service) Digest(ctx context.Context, c access.Caller, d Descriptor, sum func(secret.Value) []byte) (keys.Key, []byte, error) {
	k, v, err := s.export(ctx, c, d, "key digest")
	if err != nil {
		return keys.Key{}, nil, err
	}
	defer v.Wipe()
	return k, sum(v), nil
}

func (s *Service) export(ctx context.Context, c access.Caller, d Descriptor, action string) (keys.Key, secret.Value, error) {
	var k keys.Key
	var v secret.Value
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: action}, func(e *ledger.Entry) error {
		var err error
		if k, err = s.findAny(ctx, c, d); err != nil {
			return err
		}
		defer s.forget(ctx, d, k)
		e.Object, e.Group = string(k.ID), k.Group
		if err := access.Export(c, k, s.cfg.Now()); err != nil {
			return err
		}
		g, b, err := s.place(ctx, d, k)
		if err != nil {
			return err
		}
		if v, err = b.Export(ctx, g, k); err != nil {
			return err
		}
		return s.stillPermits(ctx, d, k, keys.OpExport)
	})
	if err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	return d.public(k), v, nil
}
