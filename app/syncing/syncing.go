// Package syncing holds the use case of a key sync: the keys of a group's HSM
// slot become virtual keys.
//
// One sync of a group runs at a time; who asks for one meanwhile waits for it,
// or is told of it. The inventory streams, progress is told as it goes, only
// differences are written, each one is in the audit log, and a sync that is cut
// off leaves what it has recorded so far: the next one goes on from there. Safe
// for concurrent use.
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
	running map[id.Group]*job
	unended map[id.Group]keysync.Scan // have ended, which could not be stored
	closed  bool
	asyncs  sync.WaitGroup

	comparing map[id.Group]chan struct{} // closed when it is done
	compared  map[id.Group]comparison
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, l *ledger.Ledger, slots *slotkeys.Backend, k *keyring.Service, cfg Config) *Service {
	if cfg.CompareEvery == 0 {
		cfg.CompareEvery = 15 * time.Minute
	}
	return &Service{
		cat: cat, ledger: l, slots: slots, keyring: k, cfg: cfg, running: map[id.Group]*job{}, unended: map[id.Group]keysync.Scan{},
		comparing: map[id.Group]chan struct{}{}, compared: map[id.Group]comparison{},
	}
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
	keysync.Counts
	Keys     []keys.Key // the new virtual keys
	Warnings []keysync.Warning
}

// action is what the audit log calls a sync.
const action = "group sync"

// Sync brings the virtual keys of group g in line with its HSM. Progress may be
// nil; it is called from one goroutine. While another sync of the group runs it
// waits, and then does its own: nothing that was in the HSM when it was called
// is missed. Unavailable "Not Connected: …" when the HSM is out of reach.
func (s *Service) Sync(ctx context.Context, c access.Caller, gid id.Group, progress func(Progress)) (Outcome, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	var out Outcome
	err := s.ledger.Change(ctx, entry(c, gid), func(e *ledger.Entry) error {
		if _, err := s.managed(ctx, c, gid); err != nil {
			return err
		}
		j, err := s.turnFor(ctx, gid, c.Principal)
		if err != nil {
			return err
		}
		out, err = s.carryOut(ctx, j, *e, progress)
		return err
	})
	return out, err
}

func entry(c access.Caller, g id.Group) ledger.Entry {
	return ledger.Entry{Caller: c, Action: action, Object: string(g), Group: g}
}

// managed returns a group whose keys the caller may sync.
func (s *Service) managed(ctx context.Context, c access.Caller, gid id.Group) (groups.Group, error) {
	return s.linked(ctx, gid, func(g groups.Group) error { return access.ManageGroup(c, g.Account, g.ID) })
}

// linked returns a group that is linked to an HSM, if the caller may.
func (s *Service) linked(ctx context.Context, gid id.Group, may func(groups.Group) error) (groups.Group, error) {
	g, err := s.cat.Group(ctx, gid)
	if err != nil {
		return g, err
	}
	if err := may(g); err != nil {
		return groups.Group{}, err
	}
	if !g.Kind.HSM() {
		return groups.Group{}, fault.New(fault.Invalid, "the group is not linked to an HSM")
	}
	return g, nil
}

// reading is an inventory and what it comes to.
type reading struct {
	objects int
	plan    keysync.Plan
	known   []keys.Key

	inventory []hsm.Object
	through   id.Connection
}

// read reads the slot of g and plans what a sync has to record.
func (s *Service) read(ctx context.Context, g groups.Group, progress func(Progress)) (reading, error) {
	// Keys that are changed while this reads are left alone: the next sync sees to them.
	near, err := s.near(ctx, g)
	if err != nil {
		return reading{}, err
	}
	watch := s.keyring.Watch(near)
	defer watch.End()
	inventory, through, err := s.inventory(ctx, g, progress)
	if err != nil {
		return reading{}, err
	}
	known, err := s.known(ctx, g)
	if err != nil {
		return reading{}, err
	}
	touched, err := watch.Touched(ctx)
	if err != nil {
		return reading{}, err
	}
	rest, known := untouched(inventory, known, touched)
	return reading{len(inventory), keysync.Make(rest, known, g.Policy), known, inventory, through}, nil
}

// near tells the groups whose keys may be in the slot of g: itself, and those
// with a connection to a slot of the same gateway and number.
func (s *Service) near(ctx context.Context, g groups.Group) (func(id.Group) bool, error) {
	all, err := s.cat.ListGroups(ctx, "")
	if err != nil {
		return nil, err
	}
	type slot struct {
		address string
		number  uint
	}
	own, near := map[slot]bool{}, map[id.Group]bool{g.ID: true}
	for _, c := range g.Connections {
		own[slot{c.Address, c.Slot}] = true
	}
	for _, other := range all {
		for _, c := range other.Connections {
			if own[slot{c.Address, c.Slot}] {
				near[other.ID] = true
			}
		}
	}
	return func(g id.Group) bool { return near[g] }, nil
}

// sync reads, and records what has changed.
func (s *Service) sync(ctx context.Context, j *job, g groups.Group, e ledger.Entry, progress func(Progress)) (Outcome, error) {
	r, err := s.read(ctx, g, progress)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Warnings: r.plan.Warnings, Counts: keysync.Counts{
		Objects: r.objects, Changed: len(r.plan.Changed), Missing: len(r.plan.Missing), Conflicts: len(r.plan.Conflicts),
		Unchanged: r.plan.Unchanged, Skipped: r.plan.Skipped,
	}}
	for _, ch := range r.plan.Changed {
		if ch.Back {
			out.Back++
		}
	}
	out.Keys, err = s.record(ctx, j, g, e, r, progress)
	if out.Added = len(out.Keys); err == nil {
		out.Warnings = append(out.Warnings, s.compareSynced(ctx, g, r.through, r.inventory)...)
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
