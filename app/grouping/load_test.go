package grouping_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/token"
)

// begun is the key of a context's value: how many requests had begun before it.
type begun struct{}

// guarded is the token of a connection, and tells of requests that use it though
// they began after its connection had been deleted.
type guarded struct {
	token.Token
	deleted *atomic.Int64 // how many requests had begun when its deletion was answered; 0: it was not
	misused func()
}

// Operate is the token's.
func (g guarded) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	if n, ok := ctx.Value(begun{}).(int64); ok {
		if d := g.deleted.Load(); d != 0 && n > d {
			g.misused()
		}
	}
	return g.Token.Operate(ctx, ref, op)
}

// Connections are moved, changed, added, deleted and broken under load: no
// request fails that another connection can serve, and none uses a connection
// that was deleted before the request began.
func TestChangesUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Watch()
	var requests atomic.Int64
	var mu sync.Mutex
	deleted := map[id.Connection]*atomic.Int64{}
	counter := func(c id.Connection) *atomic.Int64 {
		mu.Lock()
		defer mu.Unlock()
		if deleted[c] == nil {
			deleted[c] = &atomic.Int64{}
		}
		return deleted[c]
	}
	broken := func(address string) bool { return address == "down.example:4442" }
	w.Dial = func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		if broken(conn.Address) {
			return nil, fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
		}
		tok, err := w.HSM.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return guarded{tok, counter(conn.ID), func() { t.Error("a request used a connection that had been deleted before it began") }}, nil
	}
	g := w.linked("hsm", apptest.Connection("always.example"), apptest.Connection("second.example"), apptest.Connection("down.example"))
	always := g.Connections[0].ID
	priority := groups.PriorityFailover
	g = w.update("priority", g, grouping.Change{Redundancy: &priority}, "")
	app := w.App(w.account, g)
	if _, err := w.Keyring.Generate(w.ctx, app, g.ID, keys.Spec{Name: "key", Type: keys.AES, Size: 256, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.ctx)
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := encrypt(context.WithValue(w.ctx, begun{}, requests.Add(1)), w, app); err != nil {
					t.Errorf("a request: got %v (%v), want it served", err, errors.Unwrap(err))
					return
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same changes in each run
	for i := range 90 {
		var err error
		g, err = w.Grouping.Group(w.ctx, w.admin, g.ID)
		apptest.Want(t, "Group", err, "")
		conn := g.Connections[random.IntN(len(g.Connections))]
		switch order, slot := int32(random.IntN(20)-10), uint(random.IntN(9)); {
		case conn.ID == always, i%3 == 0: // moved
			w.update("move", g, grouping.Change{Modify: map[id.Connection]grouping.Connection{conn.ID: {Order: &order}}}, "")
		case i%3 == 1 && len(g.Connections) > 2: // deleted
			w.update("delete", g, grouping.Change{Remove: []id.Connection{conn.ID}}, "")
			counter(conn.ID).Store(requests.Load())
		default: // changed, and one added
			n := apptest.Connection([]string{"down.example", fmt.Sprintf("new%d.example", i)}[random.IntN(2)])
			ch := grouping.Change{Modify: map[id.Connection]grouping.Connection{conn.ID: {Slot: &slot}}}
			if len(g.Connections) < 8 {
				ch.Add = []grouping.Connection{n}
			}
			w.update("change", g, ch, "")
		}
	}
	stop()
	load.Wait()
	t.Logf("%d requests", requests.Load())
	if requests.Load() < 100 {
		t.Errorf("got %d requests, want a load", requests.Load())
	}
}

func encrypt(ctx context.Context, w *world, app access.Caller) error {
	_, _, err := w.Keyring.Use(ctx, app, keyring.Descriptor{Name: "key"}, func(keys.Key) (operations.Operation, error) {
		return operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")}, nil
	})
	return err
}
