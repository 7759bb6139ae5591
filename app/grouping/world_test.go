package grouping_test

import (
	"context"
	"sync"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// world is a service whose connections lead to the world's HSM, and what was
// used to open them.
type world struct {
	*apptest.World
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the test's
	account id.Account
	admin   access.Caller
	mu      sync.Mutex
	dialled []dialled
}

type dialled struct {
	conn groups.Connection
	with slotkeys.Access
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
	w.account = w.AddAccount("main")
	w.admin = w.Admin(w.account)
	hsm := w.HSM
	w.Dial = func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		w.mu.Lock()
		w.dialled = append(w.dialled, dialled{conn, a})
		w.mu.Unlock()
		if conn.Address == "down.example:4442" {
			return nil, fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
		}
		t, err := hsm.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	return w
}

// linked makes a group with these connections.
func (w *world) linked(name string, conns ...grouping.Connection) groups.Group {
	w.t.Helper()
	g, err := w.Grouping.Create(w.ctx, w.admin, grouping.NewGroup{Name: name, Connections: conns})
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// update changes a group as its administrator, and wants that kind of answer.
func (w *world) update(what string, g groups.Group, ch grouping.Change, want fault.Kind) groups.Group {
	w.t.Helper()
	changed, err := w.Grouping.Update(w.ctx, w.admin, g.ID, ch)
	apptest.Want(w.t, what, err, want)
	return changed
}

// tls is a connection's settings with a client certificate and its key.
func tls(n *grouping.Connection) *groups.TLS {
	n.TLS = &groups.TLS{Mode: groups.TLSRequired, Pinned: [][]byte{[]byte("a CA")}, ClientCert: []byte("certificate")}
	n.ClientKey = secret.FromString("the client's key")
	return n.TLS
}

func ptr[T any](v T) *T { return &v }

// wantAbsent wants the answer that what does not exist gets, word by word.
func wantAbsent(t *testing.T, what string, err error) {
	t.Helper()
	apptest.Want(t, what, err, fault.NotFound)
	if got := fault.Message(err); got != "group does not exist" {
		t.Errorf("%s: got %q, want the group not to exist", what, got)
	}
}
