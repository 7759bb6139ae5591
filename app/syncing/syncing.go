// Package syncing holds the use case of a key sync: the keys of a group's HSM
// slot become virtual keys.
//
// One sync of a group runs at a time. The inventory streams, progress is told
// as it goes, only differences are written, and a sync that is cut off leaves
// what it has recorded so far: the next one goes on from there. Safe for
// concurrent use.
package syncing

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/app/catalogue"
	"gatehouse/app/keyring"
	"gatehouse/app/ledger"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/ports/store"
)

// batch is the number of keys recorded in one transaction.
const batch = 500

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now   func() time.Time
	NewID func() string
}

// Service syncs groups.
type Service struct {
	cat     *catalogue.Catalogue
	ledger  *ledger.Ledger
	slots   *slotkeys.Backend
	keyring *keyring.Service
	cfg     Config

	mu      sync.Mutex
	running map[id.Group]bool
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, l *ledger.Ledger, slots *slotkeys.Backend, k *keyring.Service, cfg Config) *Service {
	return &Service{cat: cat, ledger: l, slots: slots, keyring: k, cfg: cfg, running: map[id.Group]bool{}}
}

// Phase is what a running sync is doing.
type Phase string

// The phases, in order.
const (
	Reading   Phase = "reading"   // Done counts the objects read; Total is not known yet
	Recording Phase = "recording" // Done counts the new and changed keys recorded, of Total
)

// Progress tells how far a sync is.
type Progress struct {
	Phase Phase
	Done  int
	Total int
}

// Outcome is what a sync has found and recorded.
type Outcome struct {
	Objects   int        // objects in the slot
	Added     []keys.Key // new virtual keys
	Changed   int
	Missing   int // keys newly marked missing
	Unchanged int
	Skipped   int // left out by the group's key scan setting
	Warnings  []keysync.Warning
}

// Sync brings the virtual keys of group g in line with its HSM. Progress may be
// nil; it is called from one goroutine. Conflict while another sync of the
// group runs; Unavailable "Not Connected: …" when the HSM is out of reach.
func (s *Service) Sync(ctx context.Context, c access.Caller, gid id.Group, progress func(Progress)) (Outcome, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	var out Outcome
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "group sync", Object: string(gid), Group: gid}, func(*ledger.Entry) error {
		g, err := s.cat.Group(ctx, gid)
		if err != nil {
			return err
		}
		if err := access.ManageGroup(c, g.Account, g.ID); err != nil {
			return err
		}
		if !g.Kind.HSM() {
			return fault.New(fault.Invalid, "the group is not linked to an HSM")
		}
		if !s.start(gid) {
			return fault.New(fault.Conflict, "a sync of this group is running")
		}
		defer s.end(gid)
		out, err = s.sync(ctx, g, progress)
		return err
	})
	return out, err
}

func (s *Service) start(g id.Group) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[g] {
		return false
	}
	s.running[g] = true
	return true
}

func (s *Service) end(g id.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, g)
}

func (s *Service) sync(ctx context.Context, g groups.Group, progress func(Progress)) (Outcome, error) {
	started := s.cfg.Now()
	var inventory []hsm.Object
	err := s.slots.Inventory(ctx, g, func(o hsm.Object) error {
		inventory = append(inventory, o)
		if len(inventory)%100 == 0 {
			progress(Progress{Phase: Reading, Done: len(inventory)})
		}
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	progress(Progress{Phase: Reading, Done: len(inventory), Total: len(inventory)})

	// After the inventory and in this order: a key that is being made shows as
	// an intent, or else as a known key, never as neither.
	unfinished, err := s.keyring.Unfinished(ctx, g.ID)
	if err != nil {
		return Outcome{}, err
	}
	var known []keys.Key
	if err := s.cat.EachKey(ctx, g.ID, func(k keys.Key) error {
		known = append(known, k)
		return nil
	}); err != nil {
		return Outcome{}, err
	}
	plan := keysync.Make(withoutUnfinished(inventory, unfinished), known, g.Policy)
	out := Outcome{
		Objects: len(inventory), Changed: len(plan.Changed), Unchanged: plan.Unchanged,
		Skipped: plan.Skipped, Warnings: plan.Warnings,
	}
	missing := missingBefore(plan.Missing, known, started)
	out.Missing = len(missing)
	out.Added, err = s.record(ctx, g, plan, missing, started, progress)
	return out, err
}

// withoutUnfinished leaves out objects that a Generate or Import is just making.
func withoutUnfinished(inventory []hsm.Object, unfinished map[id.Key]keys.Spec) []hsm.Object {
	if len(unfinished) == 0 {
		return inventory
	}
	making := map[string]bool{}
	for k := range unfinished {
		making[string(slotkeys.CKAID(k))] = true
	}
	rest := inventory[:0:0]
	for _, o := range inventory {
		if !making[string(o.ID)] {
			rest = append(rest, o)
		}
	}
	return rest
}

// missingBefore keeps those missing keys that were there before the inventory
// began: a key made while it was read may have been overlooked.
func missingBefore(missing []id.Key, known []keys.Key, started time.Time) []id.Key {
	made := make(map[id.Key]time.Time, len(known))
	for _, k := range known {
		made[k.ID] = k.CreatedAt
	}
	var sure []id.Key
	for _, k := range missing {
		if made[k].Before(started) {
			sure = append(sure, k)
		}
	}
	return sure
}

// record stores the plan in batches and returns the keys added.
func (s *Service) record(ctx context.Context, g groups.Group, plan keysync.Plan, missing []id.Key, now time.Time, progress func(Progress)) ([]keys.Key, error) {
	changes := make([]store.KeyChange, 0, len(plan.Changed)+len(missing))
	for _, ch := range plan.Changed {
		changes = append(changes, store.KeyChange{Key: ch.Key, Change: func(k keys.Key) (keys.Key, error) { return ch.Apply(k), nil }})
	}
	for _, k := range missing {
		changes = append(changes, store.KeyChange{Key: k, Change: func(k keys.Key) (keys.Key, error) {
			k = k.Clone()
			k.Virtual.MissingSince = now
			return k, nil
		}})
	}
	total := len(plan.New) + len(changes)
	done := 0
	for len(changes) > 0 {
		n := min(batch, len(changes))
		if err := s.cat.SyncKeys(ctx, nil, changes[:n]); err != nil {
			return nil, err
		}
		changes = changes[n:]
		done += n
		progress(Progress{Phase: Recording, Done: done, Total: total})
	}
	added := make([]keys.Key, 0, len(plan.New))
	for rest := plan.New; len(rest) > 0; {
		n := min(batch, len(rest))
		stored, err := s.add(ctx, g, rest[:n])
		added = append(added, stored...)
		if err != nil {
			return added, err
		}
		rest = rest[n:]
		done += n
		progress(Progress{Phase: Recording, Done: done, Total: total})
	}
	return added, nil
}

// add stores new virtual keys. Their names are looked up before; when somebody
// takes one in between, they are looked up again.
func (s *Service) add(ctx context.Context, g groups.Group, found []keysync.Found) ([]keys.Key, error) {
	var err error
	for range 3 {
		now := s.cfg.Now()
		names := map[string]bool{}
		batch := make([]keys.Key, 0, len(found))
		for _, f := range found {
			var lookup error
			name := f.Name(func(n string) bool {
				if names[n] {
					return true
				}
				_, err := s.cat.Store.KeyByName(ctx, g.Account, n)
				if err != nil && !errors.Is(err, fault.NotFound) {
					lookup = err
					return false
				}
				return err == nil
			})
			if lookup != nil {
				return nil, lookup
			}
			names[name] = true
			batch = append(batch, s.newKey(g, f, name, now))
		}
		if err = s.cat.SyncKeys(ctx, batch, nil); err == nil {
			return batch, nil
		}
		if !errors.Is(err, fault.Conflict) {
			return nil, err
		}
	}
	return nil, err
}

// newKey is the record of a key that was found in an HSM.
func (s *Service) newKey(g groups.Group, f keysync.Found, name string, now time.Time) keys.Key {
	p := f.Pointer
	return keys.Key{
		ID: id.Key(s.cfg.NewID()), Account: g.Account, Group: g.ID, Name: name, Type: f.Type, Size: f.Size, Curve: f.Curve,
		Ops: f.Ops & keys.PossibleOps(f.Type, f.Curve), State: keys.Active, Enabled: true, Origin: keys.OriginExternal,
		Creator:    id.Principal{Kind: id.GroupPrincipal, ID: string(g.ID)},
		PublicOnly: f.PublicOnly, PublicKey: f.PublicKey, KCV: f.KCV, CreatedAt: now, ActivationDate: now, Virtual: &p,
	}
}
