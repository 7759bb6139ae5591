package grouping_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestCheckBeforeSaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := apptest.Connection("hsm.example")
	info, err := w.Grouping.CheckUnsaved(w.ctx, w.admin, n)
	if apptest.Want(t, "CheckUnsaved", err, ""); info.Label != "simulated" {
		t.Errorf("got %+v, want what the token says of itself", info)
	}
	n.PIN = secret.FromString("0000")
	_, err = w.Grouping.CheckUnsaved(w.ctx, w.admin, n)
	if apptest.Want(t, "a wrong PIN", err, fault.Unavailable); fault.Message(err) != "Not Connected: PIN incorrect" {
		t.Errorf("got %q, want Not Connected with the reason", fault.Message(err))
	}
	n.Slot = nil
	_, err = w.Grouping.CheckUnsaved(w.ctx, w.admin, n)
	apptest.Want(t, "no slot", err, fault.Invalid)
	_, err = w.Grouping.CheckUnsaved(w.ctx, w.User(w.account, access.AccountMember, nil), apptest.Connection("hsm.example"))
	apptest.Want(t, "by a member", err, fault.Denied)
}

func TestCheckSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := apptest.Connection("second.example")
	second.Order, second.PIN = ptr(int32(-1)), secret.FromString("0000")
	n := apptest.Connection("hsm.example")
	tls(&n)
	g := w.linked("hsm", n, second)
	cid := g.Connections[0].ID
	check := func(what string, cid id.Connection, changed *grouping.Connection, want fault.Kind) dialled {
		t.Helper()
		w.dialled = nil
		_, err := w.Grouping.CheckSaved(w.ctx, w.admin, g.ID, cid, changed)
		apptest.Want(t, what, err, want)
		if len(w.dialled) == 0 {
			return dialled{}
		}
		return w.dialled[0]
	}
	pin, key := secret.FromString(apptest.PIN), secret.FromString("the client's key")

	if got := check("as it is saved", cid, nil, ""); !got.with.PIN.Equal(pin) || !got.with.ClientKey.Equal(key) || !got.with.Insist {
		t.Errorf("got %+v, want the stored secrets used", got)
	}
	if got := check("the first in priority", "", nil, fault.Unavailable); got.conn.Address != "second.example:4442" {
		t.Errorf("got %+v, want the first in priority, whose PIN is wrong", got.conn)
	}
	if got := check("another slot with the saved secrets", cid, &grouping.Connection{Slot: ptr(uint(9))}, ""); got.conn.Slot != 9 || !got.with.PIN.Equal(pin) || !got.with.ClientKey.Equal(key) {
		t.Errorf("got %+v, want slot 9 and the stored secrets", got)
	}
	if got := check("another PIN", cid, &grouping.Connection{PIN: secret.FromString("9999")}, fault.Unavailable); !got.with.PIN.Equal(secret.FromString("9999")) {
		t.Errorf("got %+v, want the PIN that is given", got)
	}
	if got := check("another gateway without the PIN", cid, &grouping.Connection{Address: "other.example"}, fault.Invalid); got.conn.Address != "" {
		t.Errorf("got %+v, want the saved PIN sent to nobody else", got)
	}
	fresh := apptest.Connection("down.example")
	if got := check("one that is to be added", "", &fresh, fault.Unavailable); got.conn.Address != "down.example:4442" {
		t.Errorf("got %+v, want the one that is given", got)
	}
	fresh = apptest.Connection("hsm.example")
	fresh.PIN = secret.Value{}
	if got := check("one that is to be added, without a PIN", "", &fresh, fault.Unavailable); !got.with.PIN.Empty() {
		t.Error("a PIN that was saved for another connection was used")
	}
	check("no such connection", id.Connection(w.NewID()), nil, fault.NotFound)
	saved, err := w.Grouping.Group(w.ctx, w.admin, g.ID)
	if err != nil || saved.Connections[0].Refusal != (groups.Refusal{}) || saved.Connections[1].Refusal.Reason != fault.PINIncorrect {
		t.Errorf("got %+v and error %v, want the refused PIN remembered", saved, err)
	}
	saved.Version, saved.Connections[1].Refusal = g.Version, groups.Refusal{}
	if diff := cmp.Diff(g, saved); diff != "" {
		t.Errorf("checks have changed the group:\n%s", diff)
	}
	ordinary := w.linked("ordinary")
	_, err = w.Grouping.CheckSaved(w.ctx, w.admin, ordinary.ID, "", nil)
	apptest.Want(t, "an ordinary group", err, fault.Invalid)
	_, err = w.Grouping.CheckSaved(w.ctx, w.App(w.account, g), g.ID, cid, nil)
	apptest.Want(t, "by an app", err, fault.Denied)
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Watch()
	down, wrong := apptest.Connection("down.example"), apptest.Connection("wrong.example")
	down.Order, wrong.PIN = ptr(int32(-1)), secret.FromString("0000")
	g := w.linked("hsm", apptest.Connection("hsm.example"), wrong, down)
	member := w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{g.ID: 0})
	for range 3 {
		all, err := w.Grouping.Statuses(w.ctx, member, g.ID)
		if err != nil || len(all) != 3 {
			t.Fatalf("got %+v and error %v, want three", all, err)
		}
		for i, want := range []struct {
			address string
			reason  fault.Reason
		}{{"down.example:4442", fault.Refused}, {"hsm.example:4442", ""}, {"wrong.example:4442", fault.PINIncorrect}} {
			if got := all[i]; got.Connection.Address != want.address || fault.ReasonOf(got.Err) != want.reason || (got.State == slotkeys.Connected) != (want.reason == "") {
				t.Errorf("number %d: got %s, %v; want %s, %s", i, got.Connection.Address, got.Err, want.address, want.reason)
			}
		}
	}
	if _, refused := w.HSM.Logins(); refused != 1 {
		t.Errorf("got %d tries of a wrong PIN, want one however often the status is asked", refused)
	}
	all, err := w.Grouping.Statuses(w.ctx, member, w.linked("empty").ID)
	apptest.Want(t, "Statuses of an ordinary group", err, fault.NotFound)
	if len(all) != 0 {
		t.Errorf("got %d statuses, want none", len(all))
	}
}

// However many connections hang, and whatever their gateways do about it, a view
// is there in a moment, and tells in the end what is wrong.
func TestStatusesNeverHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := apptest.New(t)
		account := w.AddAccount("main")
		forever := make(chan struct{})
		w.Dial = func(context.Context, groups.Connection, slotkeys.Access) (token.Token, error) {
			<-forever // and never mind the context
			return nil, fault.New(fault.Unavailable, "too late")
		}
		w.Watch()
		var conns []grouping.Connection
		for range 5 {
			conns = append(conns, apptest.Connection("hangs.example"))
		}
		g, err := w.Grouping.Create(t.Context(), w.Admin(account), grouping.NewGroup{Name: "hangs", Connections: conns})
		if err != nil {
			t.Fatal(err)
		}
		statuses := func() []slotkeys.Status {
			start := time.Now()
			all, err := w.Grouping.Statuses(t.Context(), w.Admin(account), g.ID)
			apptest.Want(t, "Statuses", err, "")
			if took := time.Since(start); took > 4*time.Second || len(all) != 5 {
				t.Errorf("got %d statuses after %v", len(all), took)
			}
			return all
		}
		for _, s := range statuses() {
			if s.State != slotkeys.Unknown {
				t.Errorf("got %s, want it not known yet", s.State)
			}
		}
		for range 4 * 60 { // until the probes are given up
			w.Pass(time.Second)
			<-time.After(time.Second)
		}
		for _, s := range statuses() {
			if s.State != slotkeys.NotConnected || !errors.Is(s.Err, fault.TimedOut) {
				t.Errorf("got %s, %v, want it timed out", s.State, s.Err)
			}
		}
		close(forever)
	})
}
