// Package apptest gives the tests of use cases a service to work on: all use
// cases wired over SQLite on temporary storage, whose failures a test decides
// (simulators/storesim), and over an HSM in memory (simulators/tokensim). Time
// stands still until a test moves it, and ids count up.
//
// Tests alone may import it. A World is for one test at a time; what it wires
// is safe for concurrent use.
package apptest

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/seal"
	"gatehouse/adapters/softkeys"
	"gatehouse/adapters/sqlstore"
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
	"gatehouse/ports/seal/sealtest"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// Grace is how long recovery waits for a token that may still be at it.
const Grace = 3 * time.Minute

// World is a service, and what is outside it.
type World struct {
	Store  *storesim.Store
	Sealer *sealtest.Memory
	HSM    *tokensim.Slot // behind every connection, unless At says otherwise
	*Process

	// Dial, when set, stands in for the way to HSM.
	Dial slotkeys.Dial

	parcels seal.Parcels
	tb      testing.TB
	now     atomic.Int64 // microseconds
	ids     atomic.Int64
	mu      sync.Mutex
	begun   []*Process
}

// Process is what a process of the service holds: everything but store and HSM.
type Process struct {
	Catalogue *catalogue.Catalogue
	Ledger    *ledger.Ledger
	Slots     *slotkeys.Backend
	Sessions  *sessions.Service
	Accounts  *accounts.Service
	Grouping  *grouping.Service
	Keyring   *keyring.Service
	Syncing   *syncing.Service
}

// PIN is the HSM's.
const PIN = "the PIN of the simulated HSM"

// New returns a world with an empty store and an empty HSM.
func New(tb testing.TB) *World {
	tb.Helper()
	st, err := sqlstore.Open(context.WithoutCancel(tb.Context()), sqlstore.Options{Path: filepath.Join(tb.TempDir(), "gatehouse.db")})
	if err != nil {
		tb.Fatal(err)
	}
	w := &World{Store: storesim.New(st), Sealer: sealtest.NewMemory("master"), parcels: parcels(tb), tb: tb}
	w.now.Store(time.Date(2026, 11, 21, 21, 30, 0, 0, time.UTC).UnixMicro())
	w.NewHSM()
	w.Restart()
	tb.Cleanup(func() {
		for _, p := range w.begun {
			p.Slots.Close()
		}
		if err := st.Close(); err != nil {
			tb.Errorf("closing the store: %v", err)
		}
		for _, m := range w.HSM.Misuse() {
			tb.Errorf("misuse of the HSM: %s: %s", m.Kind, m.Detail)
		}
	})
	return w
}

// parcels seals what callers keep, for one world.
func parcels(tb testing.TB) seal.Parcels {
	tb.Helper()
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.NewRing(secret.New(master))
	if err != nil {
		tb.Fatal(err)
	}
	return seal.NewParcels(ring)
}

// NewHSM puts an empty HSM in the place of the one there.
func (w *World) NewHSM() {
	w.HSM = tokensim.New(tokensim.Options{PIN: secret.FromString(PIN), Slot: 7, Label: "simulated"})
}

// Restart begins a new process over the same store and HSM. The earlier one
// goes on if it is still used, as no real one would.
func (w *World) Restart() {
	cat := catalogue.New(w.Store)
	led := ledger.New(cat, w.Now, w.NewID)
	slots := slotkeys.New(w.dial, w.Sealer, slotkeys.Config{
		Now: w.Now, Shuffle: func(int, func(i, j int)) {}, Normalise: softkeys.Normalise, AsData: softkeys.AsData, Remember: grouping.Refusals(cat),
	})
	ring := keyring.New(cat, led, softkeys.New(w.Sealer, softkeys.Config{}), slots, keyring.Config{
		Now: w.Now, NewID: w.NewID, Random: rand.Reader, Grace: Grace,
		Loose: softkeys.New(w.parcels, softkeys.Config{}), Pack: w.parcels.Pack, Unpack: w.parcels.Unpack,
	})
	w.Process = &Process{
		Catalogue: cat, Ledger: led, Slots: slots, Keyring: ring,
		Sessions: sessions.New(cat, w.Sealer, led, sessions.Config{Now: w.Now, Random: rand.Reader, CheckPassword: CheckPassword, DummyHash: "nobody's"}),
		Accounts: accounts.New(cat, w.Sealer, led, accounts.Config{Now: w.Now, NewID: w.NewID, Random: rand.Reader, HashPassword: HashPassword}),
		Grouping: grouping.New(cat, w.Sealer, led, slots, grouping.Config{Now: w.Now, NewID: w.NewID}),
		Syncing:  syncing.New(cat, led, slots, ring, syncing.Config{Now: w.Now, NewID: w.NewID}),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, w.Process)
}

// Watch keeps the states of the connections fresh until the test ends.
func (w *World) Watch() {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.tb.Context()))
	p := w.Process
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Slots.Watch(ctx, func(ctx context.Context) ([]groups.Group, error) { return p.Catalogue.ListGroups(ctx, "") })
	}()
	w.tb.Cleanup(func() {
		stop()
		<-ended
	})
}

// Now is the world's clock.
func (w *World) Now() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

// Pass lets time pass.
func (w *World) Pass(d time.Duration) { w.now.Add(d.Microseconds()) }

// NewID returns a UUID that the world has not seen. Later ones are greater.
func (w *World) NewID() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", w.ids.Add(1)) }
