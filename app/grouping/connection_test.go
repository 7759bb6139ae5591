package grouping_test

import (
	"math"
	"slices"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

func TestWhatAConnectionMayBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, c := range map[string]struct {
		change func(*grouping.Connection)
		want   fault.Kind
	}{
		"as it should be":              {func(*grouping.Connection) {}, ""},
		"host and port":                {func(n *grouping.Connection) { n.Address = "hsm.example:5555" }, ""},
		"no PIN":                       {func(n *grouping.Connection) { n.PIN = secret.Value{} }, ""},
		"slot 0":                       {func(n *grouping.Connection) { n.Slot = ptr(uint(0)) }, ""},
		"a client certificate":         {func(n *grouping.Connection) { tls(n) }, ""},
		"TLS if there is":              {func(n *grouping.Connection) { tls(n).Mode = groups.TLSOpportunistic }, ""},
		"no TLS":                       {func(n *grouping.Connection) { tls(n).Mode = groups.TLSDisabled }, fault.Invalid},
		"unknown TLS":                  {func(n *grouping.Connection) { tls(n).Mode = "" }, fault.Invalid},
		"a certificate without a key":  {func(n *grouping.Connection) { tls(n); n.ClientKey = secret.Value{} }, fault.Invalid},
		"a key without a certificate":  {func(n *grouping.Connection) { tls(n).ClientCert = nil }, fault.Invalid},
		"no slot":                      {func(n *grouping.Connection) { n.Slot = nil }, fault.Invalid},
		"no address":                   {func(n *grouping.Connection) { n.Address = "" }, fault.Invalid},
		"an address with a scheme":     {func(n *grouping.Connection) { n.Address = "https://hsm.example" }, fault.Invalid},
		"the kind of ordinary groups":  {func(n *grouping.Connection) { n.Kind = groups.Ordinary }, fault.Unsupported},
		"a kind that is not built yet": {func(n *grouping.Connection) { n.Kind = "AwsKms" }, fault.Unsupported},
	} {
		n := apptest.Connection("hsm.example")
		c.change(&n)
		_, err := w.Grouping.Create(w.ctx, w.admin, grouping.NewGroup{Name: what, Connections: []grouping.Connection{n}})
		apptest.Want(t, what, err, c.want)
	}
	g := w.linked("mixed", apptest.Connection("hsm.example"))
	other := apptest.Connection("hsm.example")
	other.Kind = groups.NCipher
	w.update("a connection of another kind", g, grouping.Change{Add: []grouping.Connection{other}}, fault.Invalid)
	conn := g.Connections[0].ID
	w.update("a change of its kind", g, grouping.Change{Modify: map[id.Connection]grouping.Connection{conn: {Kind: groups.NCipher}}}, fault.Invalid)
	w.update("its own kind", g, grouping.Change{Modify: map[id.Connection]grouping.Connection{conn: {Kind: groups.SoftHSM}}}, "")
}

func TestConnectionsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	last := apptest.Connection("last.example")
	last.Order = ptr(int32(math.MaxInt32))
	first := apptest.Connection("first.example")
	first.Order = ptr(int32(-4))
	g := w.linked("hsm", apptest.Connection("hsm.example"), apptest.Connection("hsm.example"))
	g = w.update("adding", g, grouping.Change{Add: []grouping.Connection{first, apptest.Connection("next.example"), last, apptest.Connection("after.example")}}, "")
	var order []int32
	var addresses []string
	for _, conn := range g.ByPriority() {
		order, addresses = append(order, conn.Order), append(addresses, conn.Address)
	}
	if want := []int32{-4, 0, 1, 2, math.MaxInt32, math.MaxInt32}; !slices.Equal(order, want) {
		t.Errorf("got priority numbers %d, want %d", order, want)
	}
	if want := []string{"first.example:4442", "hsm.example:4442", "hsm.example:4442", "next.example:4442", "last.example:4442", "after.example:4442"}; !slices.Equal(addresses, want) {
		t.Errorf("got %q in order of priority, want %q", addresses, want)
	}
	w.update("too many", g, grouping.Change{Add: slices.Repeat([]grouping.Connection{last}, grouping.MaxConnections)}, fault.Invalid)

	for _, cid := range []id.Connection{id.Connection(w.NewID()), ""} {
		w.update("removing what is not there", g, grouping.Change{Remove: []id.Connection{cid}}, fault.NotFound)
		w.update("changing what is not there", g, grouping.Change{Modify: map[id.Connection]grouping.Connection{cid: {}}}, fault.NotFound)
	}
	gone := g.Connections[0].ID
	w.update("removing one twice", g, grouping.Change{Remove: []id.Connection{gone, gone}}, fault.NotFound)
	w.update("removing and changing one", g, grouping.Change{Remove: []id.Connection{gone}, Modify: map[id.Connection]grouping.Connection{gone: {}}}, fault.NotFound)
	if got, err := w.Grouping.Group(w.ctx, w.admin, g.ID); err != nil || len(got.Connections) != 6 {
		t.Errorf("got %d connections and error %v after refusals, want all 6", len(got.Connections), err)
	}

	var all []id.Connection
	for _, conn := range g.Connections {
		all = append(all, conn.ID)
	}
	g = w.update("removing all", g, grouping.Change{Remove: all}, "")
	if len(g.Connections) != 0 || g.Kind != groups.SoftHSM {
		t.Errorf("got kind %q and %d connections, want an HSM group without any", g.Kind, len(g.Connections))
	}
	g = w.update("a new one", g, grouping.Change{Add: []grouping.Connection{apptest.Connection("hsm.example")}}, "")
	if len(g.Connections) != 1 || g.Connections[0].Order != 0 {
		t.Errorf("got %+v, want the new one alone", g.Connections)
	}
}

// What a change leaves out stays as it is saved, secrets too; but the PIN stays
// with the gateway that it was given for.
func TestModifyConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := apptest.Connection("hsm.example")
	saved := *tls(&n)
	g := w.linked("hsm", n)
	cid := g.Connections[0].ID
	change := func(what string, ch grouping.Connection, want fault.Kind) groups.Connection {
		t.Helper()
		w.update(what, g, grouping.Change{Modify: map[id.Connection]grouping.Connection{cid: ch}}, want)
		got, err := w.Grouping.Group(w.ctx, w.admin, g.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Connections[0]
	}
	opened := func(p seal.Purpose, s secret.Sealed) secret.Value {
		t.Helper()
		v, err := w.Sealer.Open(p, string(cid), s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	pin, key := secret.FromString(apptest.PIN), secret.FromString("the client's key")

	got := change("slot and priority", grouping.Connection{Slot: ptr(uint(9)), Order: ptr(int32(-1))}, "")
	if got.Slot != 9 || got.Order != -1 || got.Address != "hsm.example:4442" {
		t.Errorf("got %+v, want slot and priority changed", got)
	}
	if !opened(seal.ConnectionPIN, got.PIN).Equal(pin) || !opened(seal.ConnectionKey, got.TLS.ClientKey).Equal(key) {
		t.Error("the saved secrets were not kept")
	}
	got = change("a new PIN", grouping.Connection{PIN: secret.FromString("9999")}, "")
	if !opened(seal.ConnectionPIN, got.PIN).Equal(secret.FromString("9999")) {
		t.Error("the new PIN was not saved")
	}
	same := saved
	got = change("the same TLS settings without the key", grouping.Connection{TLS: &same}, "")
	if !opened(seal.ConnectionKey, got.TLS.ClientKey).Equal(key) {
		t.Error("the saved client key was not kept beside its certificate")
	}
	for what, ch := range map[string]grouping.Connection{
		"another address":  {Address: "other.example"},
		"another port":     {Address: "hsm.example:4443"},
		"another CA":       {TLS: &groups.TLS{Mode: groups.TLSRequired, Pinned: [][]byte{[]byte("another CA")}}},
		"the system's CAs": {TLS: &groups.TLS{Mode: groups.TLSRequired, GlobalRoots: true}},
		"no address":       {Address: "http://"},
		"no TLS":           {TLS: &groups.TLS{Mode: groups.TLSDisabled}},
	} {
		if got := change(what, ch, fault.Invalid); got.Address != "hsm.example:4442" || string(got.TLS.Pinned[0]) != "a CA" {
			t.Errorf("%s: got %+v, want the connection as it was", what, got)
		}
	}
	got = change("another gateway with the PIN", grouping.Connection{Address: "other.example", PIN: pin, TLS: &groups.TLS{Mode: groups.TLSRequired, GlobalRoots: true}}, "")
	if got.Address != "other.example:4442" || !got.TLS.ClientKey.Empty() || len(got.TLS.ClientCert) != 0 {
		t.Errorf("got %+v, want the other gateway and no client certificate", got)
	}
	change("a client key without a certificate", grouping.Connection{ClientKey: key}, fault.Invalid)
}
