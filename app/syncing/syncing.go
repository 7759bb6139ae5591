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
	"maps"
	"slices"
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
)

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now   func() time.Time
	NewID func() string

	// CompareEvery is how often the keys behind the connections of a group are
	// compared when nothing has happened to them. Zero means 15 minutes.
	CompareEvery time.Duration
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

	comparing map[id.Group]chan struct{} // closed when it is done
	compared  map[id.Group]comparison
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, l *ledger.Ledger, slots *slotkeys.Backend, k *keyring.Service, cfg Config) *Service {
	if cfg.CompareEvery == 0 {
		cfg.CompareEvery = 15 * time.Minute
	}
	return &Service{cat: cat, ledger: l, slots: slots, keyring: k, cfg: cfg, running: map[id.Group]bool{}, comparing: map[id.Group]chan struct{}{}, compared: map[id.Group]comparison{}}
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
		if !s.start(s.running, gid) {
			return fault.New(fault.Conflict, "a sync of this group is running")
		}
		defer s.end(s.running, gid)
		out, err = s.sync(ctx, g, progress)
		return err
	})
	return out, err
}

// start makes the caller the only one who does something to g; false when
// somebody is at it.
func (s *Service) start(what map[id.Group]bool, g id.Group) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what[g] {
		return false
	}
	what[g] = true
	return true
}

func (s *Service) end(what map[id.Group]bool, g id.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(what, g)
}

func (s *Service) sync(ctx context.Context, g groups.Group, progress func(Progress)) (Outcome, error) {
	// Keys that are changed while this reads are left alone: the next sync sees to them.
	watch := s.keyring.Watch()
	defer watch.End()
	inventory, through, err := s.inventory(ctx, g, progress)
	if err != nil {
		return Outcome{}, err
	}
	known, err := s.known(ctx, g)
	if err != nil {
		return Outcome{}, err
	}
	touched, err := watch.Touched(ctx)
	if err != nil {
		return Outcome{}, err
	}
	rest, known := untouched(inventory, known, touched)
	plan := keysync.Make(rest, known, g.Policy)
	out := Outcome{
		Objects: len(inventory), Changed: len(plan.Changed), Missing: len(plan.Missing), Unchanged: plan.Unchanged,
		Skipped: plan.Skipped, Warnings: plan.Warnings,
	}
	if out.Added, err = s.record(ctx, g, plan, known, progress); err == nil {
		out.Warnings = append(out.Warnings, s.compareSynced(ctx, g, through, inventory)...)
	}
	return out, err
}

func (s *Service) known(ctx context.Context, g groups.Group) (known []keys.Key, err error) {
	err = s.cat.EachKey(ctx, g.ID, func(k keys.Key) error {
		known = append(known, k)
		return nil
	})
	return known, err
}

func (s *Service) inventory(ctx context.Context, g groups.Group, progress func(Progress)) ([]hsm.Object, id.Connection, error) {
	var objects []hsm.Object
	through, err := s.slots.Inventory(ctx, g, func(o hsm.Object) error {
		objects = append(objects, o)
		if len(objects)%100 == 0 {
			progress(Progress{Phase: Reading, Done: len(objects)})
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	progress(Progress{Phase: Reading, Done: len(objects), Total: len(objects)})
	return objects, through, nil
}

// untouched leaves out objects and known keys that must be left alone.
func untouched(objects []hsm.Object, known []keys.Key, t keyring.Touched) ([]hsm.Object, []keys.Key) {
	if len(t.Keys) == 0 {
		return objects, known
	}
	ids := maps.Clone(t.IDs)
	for k := range t.Keys {
		ids[string(slotkeys.CKAID(k))] = true
	}
	for _, k := range known {
		if t.Keys[k.ID] && k.Virtual != nil {
			ids[string(k.Virtual.ID)] = true
		}
	}
	known = slices.DeleteFunc(known, func(k keys.Key) bool { return k.Virtual != nil && ids[string(k.Virtual.ID)] })
	rest := slices.DeleteFunc(slices.Clone(objects), func(o hsm.Object) bool { return ids[string(o.ID)] })
	return rest, known
}
