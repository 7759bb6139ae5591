package syncing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// twoHSMs is a world whose group has a second connection, to another HSM.
func twoHSMs(t *testing.T) (w *world, second *tokensim.Slot) {
	t.Helper()
	w = newWorld(t, groups.Policy{})
	second = tokensim.New(tokensim.Options{PIN: secret.FromString(apptest.PIN), Slot: 7, Label: "second"})
	w.Dial = func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		s := w.HSM
		if strings.HasPrefix(conn.Address, "second") {
			s = second
		}
		t, err := s.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	priority := groups.PriorityFailover
	g, err := w.Grouping.Update(w.ctx, w.admin, w.group.ID, grouping.Change{Redundancy: &priority, Add: []grouping.Connection{apptest.Connection("second.example")}})
	if err != nil {
		t.Fatal(err)
	}
	w.group = g
	w.check()
	return w, second
}

// check tests all connections of the group.
func (w *world) check() {
	w.t.Helper()
	for _, conn := range w.group.Connections {
		if _, err := w.Slots.Check(w.ctx, w.group, conn.ID); err != nil {
			w.t.Fatal(err)
		}
	}
}

// differences returns what is known to differ, by priority.
func (w *world) differences() []string {
	var all []string
	for _, st := range w.Slots.Statuses(w.group) {
		all = append(all, st.Difference.String())
	}
	return all
}

func (w *world) wantDifferences(what string, want ...string) {
	w.t.Helper()
	if got := w.differences(); strings.Join(got, "|") != strings.Join(want, "|") {
		w.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestHSMsThatDifferAreReported(t *testing.T) {
	t.Parallel()
	w, second := twoHSMs(t)
	compare := func() []audit.Record {
		t.Helper()
		return w.Records(func() { apptest.Want(t, "CompareDue", w.Syncing.CompareDue(w.ctx), "") })
	}
	if got := compare(); len(got) != 0 {
		t.Errorf("empty HSMs: got %v recorded, want nothing", got)
	}
	w.wantDifferences("empty HSMs", "", "")

	w.generate("made")
	compare()
	w.wantDifferences("before it is time", "", "")
	w.Pass(15 * time.Minute)
	recorded := compare()
	w.wantDifferences("a key was made in one of them", "", "1 key missing")
	if len(recorded) != 1 || recorded[0].Detail != "differs from the group's other connections: 1 key missing" ||
		recorded[0].Actor.Kind != id.SystemPrincipal || recorded[0].Object != string(w.group.Connections[1].ID) || recorded[0].Group != w.group.ID {
		t.Errorf("got %+v recorded, want the difference once", recorded)
	}
	if where := w.Slots.Statuses(w.group)[1].Difference.Missing; len(where) != 1 || string(where[0].Label) != "made" {
		t.Errorf("got %+v missing, want the key named", where)
	}

	out := w.sync("")
	if len(out.Warnings) != 1 || out.Warnings[0].Message != "the connection to second.example:4442 differs from the group's others: 1 key missing" {
		t.Errorf("a sync: got the warnings %+v, want one about the connection", out.Warnings)
	}
	w.Pass(time.Hour)
	if got := compare(); len(got) != 0 {
		t.Errorf("the same difference: got %v recorded again, want nothing", got)
	}

	for _, o := range w.HSM.Objects() { // with a value of its own: another key
		o.CheckValue = nil
		if err := second.Add(o, secret.New(make([]byte, 32))); err != nil {
			t.Fatal(err)
		}
	}
	w.Pass(time.Hour)
	compare()
	w.wantDifferences("another key of that id", "", "1 other key")
	apptest.Want(t, "it encrypts", w.encrypts("made"), "")
	w.HSM.Eject()
	apptest.Want(t, "it encrypts when the right HSM is away", w.encrypts("made"), fault.Unavailable)
}

// A key that the preferred HSM lacks is used through the next connection.
func TestAKeyIsUsedWhereItIs(t *testing.T) {
	t.Parallel()
	w, second := twoHSMs(t)
	first := w.HSM
	w.HSM = second // behind both, for now
	w.Slots.Close()
	w.Restart()
	w.generate("made")
	w.Slots.Close()
	w.HSM = first
	w.Restart()
	w.check()
	apptest.Want(t, "it encrypts", w.encrypts("made"), "")
	found, err := w.Keyring.Find(w.ctx, w.User(w.account, access.AccountAdmin, nil), keyring.Descriptor{Name: "made"})
	apptest.Want(t, "Find", err, "")
	present, err := w.Slots.Present(w.ctx, w.group, found)
	if err != nil || !present {
		t.Errorf("got present %t and error %v, want it found", present, err)
	}
}
