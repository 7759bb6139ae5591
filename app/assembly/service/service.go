// Package service wires the service: ready ports in, use cases and their stop
// function out. The program gatehouse, the features and the benchmarks share it.
package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"gatehouse/adapters/passwords"
	"gatehouse/adapters/seal"
	"gatehouse/adapters/softkeys"
	"gatehouse/app/accounts"
	"gatehouse/app/catalogue"
	"gatehouse/app/grouping"
	"gatehouse/app/keyring"
	"gatehouse/app/ledger"
	"gatehouse/app/sessions"
	"gatehouse/app/slotkeys"
	"gatehouse/app/syncing"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
	"gatehouse/ports/store"
)

// Outside is what a service needs from outside. Store, Sealer and Dial are
// required; Now, Random and Log have defaults.
type Outside struct {
	Store  store.Store
	Sealer *seal.Ring
	Dial   slotkeys.Dial
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger

	Slots         slotkeys.Config // deadlines; its functions are filled in
	RecoveryGrace time.Duration   // see keyring.Config.Grace
	RecoverEvery  time.Duration   // 0: every 15 s
	CompareEvery  time.Duration   // see syncing.Config
	ProbeEvery    time.Duration   // see slotkeys.Config
}

func (o Outside) withDefaults() Outside {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RecoverEvery == 0 {
		o.RecoverEvery = 15 * time.Second
	}
	return o
}

// Service is a wired service: its use cases, for driving adapters to call.
type Service struct {
	Sessions *sessions.Service
	Accounts *accounts.Service
	Grouping *grouping.Service
	Keyring  *keyring.Service
	Syncing  *syncing.Service

	store   store.Store
	slots   *slotkeys.Backend
	now     func() time.Time
	log     *slog.Logger
	stop    context.CancelFunc
	working sync.WaitGroup
}

// New wires a service, makes sure that the store was sealed under the
// sealer's master key, and recovers what an earlier process left half done, as
// far as its HSMs can be reached now; the rest is recovered on a timer. Stop
// ends it. The store stays the caller's to close.
func New(ctx context.Context, o Outside) (*Service, error) {
	o = o.withDefaults()
	if err := checkMasterKey(ctx, o.Store, o.Sealer); err != nil {
		return nil, err
	}
	newID := uuid.NewString
	cat := catalogue.New(o.Store)
	book := ledger.New(cat, o.Now, newID)
	o.Slots.Now, o.Slots.Jitter, o.Slots.Shuffle = o.Now, mathrand.Float64, mathrand.Shuffle
	o.Slots.ProbeEvery = cmp.Or(o.ProbeEvery, o.Slots.ProbeEvery)
	o.Slots.Normalise, o.Slots.AsData, o.Slots.Remember = softkeys.Normalise, softkeys.AsData, grouping.Refusals(cat)
	slots := slotkeys.New(o.Dial, o.Sealer, o.Slots)
	parcels := seal.NewParcels(o.Sealer)
	dummyHash, err := passwords.Hash(secret.FromString(newID()))
	if err != nil {
		return nil, err
	}
	s := &Service{
		Sessions: sessions.New(cat, o.Sealer, book, sessions.Config{
			Now: o.Now, Random: o.Random, CheckPassword: passwords.Check, DummyHash: dummyHash,
		}),
		Accounts: accounts.New(cat, o.Sealer, book, accounts.Config{
			Now: o.Now, NewID: newID, Random: o.Random, HashPassword: passwords.Hash,
		}),
		Grouping: grouping.New(cat, o.Sealer, book, slots, grouping.Config{Now: o.Now, NewID: newID}),
		Keyring: keyring.New(cat, book, softkeys.New(o.Sealer, softkeys.Config{}), slots, keyring.Config{
			Now: o.Now, NewID: newID, Random: o.Random, Grace: o.RecoveryGrace,
			Loose: softkeys.New(parcels, softkeys.Config{}), Pack: parcels.Pack, Unpack: parcels.Unpack,
		}),
		store: o.Store, slots: slots, now: o.Now, log: o.Log,
	}
	s.Syncing = syncing.New(cat, book, slots, s.Keyring, syncing.Config{Now: o.Now, NewID: newID, CompareEvery: o.CompareEvery})

	if err := s.Syncing.Interrupted(ctx); err != nil {
		return nil, err
	}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.working.Go(func() { s.tend(background, o.RecoverEvery) })
	s.working.Go(func() {
		slots.Watch(background, func(ctx context.Context) ([]groups.Group, error) { return cat.ListGroups(ctx, "") })
	})
	s.working.Go(func() { s.compare(background, o.CompareEvery) })
	s.working.Go(func() { s.age(background) })
	s.working.Go(func() { s.sync(background) })
	return s, nil
}

// repeat does something at each turn of a timer, until ctx ends.
func repeat(ctx context.Context, every time.Duration, do func()) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			do()
		}
	}
}

// lookEvery is how often groups are looked at whose connections are to be compared.
const lookEvery = 20 * time.Second

// compare compares the keys behind the connections of each group when it is
// time, until ctx ends.
func (s *Service) compare(ctx context.Context, every time.Duration) {
	look := lookEvery
	if every > 0 {
		look = min(look, every)
	}
	repeat(ctx, look, func() {
		if err := s.Syncing.CompareDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the keys behind a group's connections were not compared", "err", err)
		}
	})
}

// syncEvery is how often groups are looked at that are synced by themselves.
const syncEvery = time.Minute

// sync syncs the groups that are synced by themselves, until ctx ends.
func (s *Service) sync(ctx context.Context) {
	repeat(ctx, syncEvery, func() {
		if err := s.Syncing.SyncDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("a group was not synced by itself", "err", err)
		}
	})
}

// ageEvery is how often keys are looked after to which something happens by
// itself. Dates count from their moment on; this is how late they are recorded,
// and how late a rotation is.
const ageEvery = 2 * time.Second

// age records what dates have made of keys, and rotates those that are due,
// until ctx ends.
func (s *Service) age(ctx context.Context) {
	repeat(ctx, ageEvery, func() {
		changed, err := s.Keyring.Age(ctx)
		if changed > 0 {
			s.log.Info("keys were changed by their dates and rotation policies", "changed", changed)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("dates or rotation policies of keys wait", "err", err)
		}
	})
}

// lastSweepWithin bounds what is recorded when the service stops.
const lastSweepWithin = 5 * time.Second

// tend recovers and sweeps, at once and then on a timer, until ctx ends.
func (s *Service) tend(ctx context.Context, every time.Duration) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		settled, err := s.Keyring.Recover(ctx)
		if settled > 0 {
			s.log.Info("recovered interrupted changes", "settled", settled)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("interrupted changes wait for recovery", "err", err)
		}
		if err := s.Sessions.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("refused logins and expired sessions wait for the next sweep", "err", err)
		}
		select {
		case <-ctx.Done():
			s.lastSweep(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		}
	}
}

func (s *Service) lastSweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastSweepWithin)
	defer cancel()
	if err := s.Sessions.Sweep(ctx); err != nil {
		s.log.Warn("refused logins of the last seconds were not recorded", "err", err)
	}
}

// Stop ends the background work and closes the ways to HSMs. Requests must
// have ended before.
func (s *Service) Stop() {
	s.stop()
	s.Syncing.Close()
	s.working.Wait()
	s.slots.Close()
}
