package keyring

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// parcel is a transient key as its maker keeps it: JSON, sealed for the maker.
// It lives for an hour at most, so that its format may change with any release.
type parcel struct {
	keys.Key
	Material []byte // in the place of the key's own, which does not marshal
	Expires  time.Time
}

// parcelOwner is whose a parcel of that kind is.
func parcelOwner(what string, c access.Caller) string {
	return what + "/" + string(c.Account) + "/" + string(c.Principal.Kind) + "/" + c.Principal.ID
}

const transientKey = "transient key"

// errNoTransient is the refusal of what is no transient key, of one that has
// expired, and of one that somebody else made.
func errNoTransient() error {
	return fault.New(fault.NotFound, "transient key does not exist: it has expired, or is not this application's")
}

// loosely refuses what needs keys that travel with requests, when there are none.
func (s *Service) loosely() error {
	if s.cfg.Loose == nil || s.cfg.Pack == nil || s.cfg.Unpack == nil {
		return fault.New(fault.Unsupported, "transient and inline keys are not supported by this service")
	}
	return nil
}

// GenerateTransient makes a key that is stored nowhere: its maker gets it
// sealed, and names it by that until it expires. With a group, the permissions
// of that group govern it, and the group must be an ordinary one.
func (s *Service) GenerateTransient(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec) (keys.Key, secret.Value, error) {
	return s.createTransient(ctx, c, gid, spec, recipe{
		action: "transient key generate",
		check:  keys.Spec.CheckGenerate,
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Generate(ctx, o)
		},
	})
}

// ImportTransient is GenerateTransient for material that the caller has.
func (s *Service) ImportTransient(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec, material secret.Value) (keys.Key, secret.Value, error) {
	return s.createTransient(ctx, c, gid, spec, recipe{
		action:   "transient key import",
		imported: true,
		check:    func(spec keys.Spec) (keys.Spec, error) { return spec.CheckImport(material.Len()) },
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Import(ctx, o, material)
		},
	})
}

func (s *Service) createTransient(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec, r recipe) (keys.Key, secret.Value, error) {
	r.admit = func(groups.Group) error {
		if gid == "" {
			return nil
		}
		return s.transientGroup(ctx, c, gid)
	}
	return s.makeLoose(ctx, c, ledger.Entry{Caller: c, Action: r.action, Group: gid}, gid, spec, r)
}

// makeLoose makes a transient key that the permissions of group gid govern.
func (s *Service) makeLoose(ctx context.Context, c access.Caller, e ledger.Entry, gid id.Group, spec keys.Spec, r recipe) (keys.Key, secret.Value, error) {
	var k keys.Key
	var sealed secret.Value
	err := s.ledger.Use(ctx, e, func(e *ledger.Entry) error {
		err := access.MakeTransient(c)
		if err != nil {
			return err
		}
		if err = r.admit(nowhere(c.Account)); err != nil {
			return err
		}
		k, sealed, err = s.makeTransient(ctx, c, gid, spec, r)
		e.Object = string(k.ID)
		return err
	})
	if err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	k.ID = ""
	return k, sealed, nil
}

// transientGroup refuses a group that cannot govern transient keys of c.
func (s *Service) transientGroup(ctx context.Context, c access.Caller, gid id.Group) error {
	g, err := s.cat.Group(ctx, gid)
	if err != nil {
		return err
	}
	if err := access.SeeGroup(c, g.Account, g.ID); err != nil {
		return err
	}
	if g.Kind != groups.Ordinary {
		return fault.New(fault.Unsupported, "transient keys are not supported by groups of kind %s", g.Kind)
	}
	return nil
}

// makeTransient makes the key and packs it; its id is for the log alone.
func (s *Service) makeTransient(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec, r recipe) (keys.Key, secret.Value, error) {
	if err := s.loosely(); err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	name := spec.Name // not unique, and no matter to anybody
	if name == "" {
		spec.Name = transientKey
	}
	o := backend.Order{ID: id.Key(s.cfg.NewID()), Group: nowhere(c.Account), Imported: r.imported}
	var err error
	if o.Spec, err = r.check(spec); err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	made, err := r.make(ctx, s.cfg.Loose, o)
	if err != nil {
		return keys.Key{}, secret.Value{}, err
	}
	k := s.newKey(c.Principal, o, made)
	k.Group, k.Name = gid, name
	r.dressed(&k)
	sealed, err := s.packTransient(c, k)
	return k, sealed, err
}

func (s *Service) packTransient(c access.Caller, k keys.Key) (secret.Value, error) {
	b, err := json.Marshal(parcel{Key: k, Material: k.Material, Expires: s.cfg.Now().Add(s.cfg.TransientFor)})
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.Internal, err, "packing a transient key")
	}
	sealed, err := s.cfg.Pack(parcelOwner(transientKey, c), b)
	return secret.New(sealed), err
}

// openTransient returns the key that c was given sealed.
func (s *Service) openTransient(c access.Caller, sealed secret.Value) (keys.Key, error) {
	if err := s.loosely(); err != nil {
		return keys.Key{}, err
	}
	b, err := s.cfg.Unpack(parcelOwner(transientKey, c), sealed)
	if err != nil {
		return keys.Key{}, errNoTransient()
	}
	var p parcel
	if err := json.Unmarshal(b, &p); err != nil {
		return keys.Key{}, errNoTransient()
	}
	if !s.cfg.Now().Before(p.Expires) {
		return keys.Key{}, errNoTransient()
	}
	k := p.Key
	k.Material = p.Material
	return k, access.SeeKey(c, k)
}

// inline makes a key of its value, for one request. It may do all that its type
// can: whoever gives the value can do that without the service too.
func (s *Service) inline(ctx context.Context, c access.Caller, in Inline) (keys.Key, error) {
	if err := s.loosely(); err != nil {
		return keys.Key{}, err
	}
	if c.Account == "" {
		return keys.Key{}, access.ErrNoSuchKey()
	}
	spec := keys.Spec{Name: "inline key", Type: in.Type, Enabled: true}
	if in.Type == keys.RSA {
		spec.Paddings = keys.RSAPaddings{}.Said() // not the default of new keys
	}
	spec, err := spec.CheckImport(in.Value.Len())
	if err != nil {
		return keys.Key{}, err
	}
	o := backend.Order{ID: id.Key(s.cfg.NewID()), Group: nowhere(c.Account), Spec: spec, Imported: true}
	made, err := s.cfg.Loose.Import(ctx, o, in.Value)
	if err != nil {
		return keys.Key{}, err
	}
	k := s.newKey(c.Principal, o, made)
	k.Ops |= keys.OpExport
	return k, nil
}

// forget drops what a backend keeps in memory of an inline key after its request.
func (s *Service) forget(ctx context.Context, d Descriptor, k keys.Key) {
	if d.Inline != nil && k.ID != "" {
		_ = s.cfg.Loose.Destroy(context.WithoutCancel(ctx), nowhere(k.Account), k) // it can only be gone already
	}
}

// Persist makes a stored key of a transient one. Of spec it takes what says
// nothing of the material: name, description, metadata, dates.
func (s *Service) Persist(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec, sealed secret.Value) (keys.Key, error) {
	k, material, err := s.transientMaterial(ctx, c, sealed)
	if err != nil {
		return keys.Key{}, s.refused(ctx, ledger.Entry{Caller: c, Action: "key persist", Group: gid}, err)
	}
	defer material.Wipe()
	spec.Type, spec.Size, spec.Curve, spec.ParamSet = k.Type, k.Size, k.Curve, k.ParamSet
	spec.Ops, spec.RSA, spec.Cipher, spec.Paddings = k.Ops, k.RSA, k.Cipher, k.Paddings
	spec.Export = k.Export
	if k.ParamSet != "" {
		spec.Size = 0 // the set tells it
	}
	return s.create(ctx, c, gid, spec, recipe{
		action:   "key persist",
		about:    "transient key " + string(k.ID),
		imported: true,
		check: func(spec keys.Spec) (keys.Spec, error) {
			return spec.CheckImport(material.Len())
		},
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			if o.Group.Kind != groups.Ordinary && !k.Ops.Has(keys.OpExport) {
				return backend.Made{}, fault.New(fault.Denied, "a transient key without EXPORT cannot go into an HSM group")
			}
			if o.Group.Kind != groups.Ordinary {
				if err := k.Export.Plain(); err != nil {
					return backend.Made{}, err
				}
			}
			return b.Import(ctx, o, material)
		},
		dress: func(made *keys.Key) {
			if k.Origin != keys.OriginExternal {
				made.Origin = keys.OriginTransient
			}
			made.Links.Parent = k.Links.Parent
		},
	})
}

// transientMaterial opens a transient key to be taken in elsewhere in the service.
func (s *Service) transientMaterial(ctx context.Context, c access.Caller, sealed secret.Value) (keys.Key, secret.Value, error) {
	k, err := s.openTransient(c, sealed)
	if err != nil {
		return k, secret.Value{}, err
	}
	material, err := s.cfg.Loose.Export(ctx, nowhere(k.Account), opened(k))
	return k, material, err
}

// opened is k for a backend to hand out its material within the service.
func opened(k keys.Key) keys.Key {
	k.Ops |= keys.OpExport
	return k
}

// refused records a refusal that came before anything was begun.
func (s *Service) refused(ctx context.Context, e ledger.Entry, err error) error {
	if recordErr := s.ledger.Refused(ctx, e, err); recordErr != nil {
		return recordErr
	}
	return err
}
