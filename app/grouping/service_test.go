package grouping_test

import (
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// A connection to another service has an API key and no slot, whatever clients send.
func TestConnectionsToAnotherService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := grouping.Connection{Kind: groups.Fortanix, Address: "https://keys.example/", PIN: secret.FromString("an API key"), Slot: ptr(uint(7))}
	g := w.linked("partner", n)
	conn := g.Connections[0]
	if g.Kind != groups.Fortanix || conn.Address != "keys.example:443" || conn.Slot != 0 || conn.PIN.Empty() || !conn.TLS.GlobalRoots || !conn.TLS.ValidateHostname {
		t.Errorf("got %+v, want the address with its port, no slot, the API key sealed, and the system's roots trusted", conn)
	}
	change := func(c grouping.Connection) grouping.Change {
		return grouping.Change{Modify: map[id.Connection]grouping.Connection{conn.ID: c}}
	}
	w.update("another address without the API key", g, change(grouping.Connection{Address: "https://other.example"}), fault.Invalid)
	g = w.update("a slot", g, change(grouping.Connection{Slot: ptr(uint(9))}), "")
	g = w.update("another address with the API key", g, change(grouping.Connection{Address: "other.example:8443", PIN: secret.FromString("again")}), "")
	if got := g.Connections[0]; got.Slot != 0 || got.Address != "other.example:8443" {
		t.Errorf("got %+v, want the new address and no slot", got)
	}
	w.update("without TLS", g, change(grouping.Connection{TLS: &groups.TLS{Mode: groups.TLSDisabled}, PIN: secret.FromString("again")}), fault.Invalid)
	w.update("a gateway beside it", g, grouping.Change{Add: []grouping.Connection{apptest.Connection("hsm.example")}}, fault.Invalid)
}
