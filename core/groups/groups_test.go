package groups_test

import (
	"errors"
	"net"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"hsm1":              "hsm1:4442",
		"hsm1.example:4500": "hsm1.example:4500",
		"10.0.0.1":          "10.0.0.1:4442",
		"::1":               "[::1]:4442",
		"[::1]":             "[::1]:4442",
		"[fe80::1]:99":      "[fe80::1]:99",
	} {
		if got, err := groups.ParseAddress(in); err != nil || got != want {
			t.Errorf("%q: got %q and error %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "https://hsm1", "hsm1:0", "hsm1:70000", "hsm1:x", ":4442", "a b", "hsm1/x", "[::1:4442", "u@h"} {
		if got, err := groups.ParseAddress(in); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %q and error %v, want it refused", in, got, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"hsm1", "[::1]:4442", "10.0.0.1:1", ":", "[", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		address, err := groups.ParseAddress(s)
		if err != nil {
			return
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			t.Errorf("got %q from %q, which is no host and port: %v", address, s, err)
		}
		if again, err := groups.ParseAddress(address); err != nil || again != address {
			t.Errorf("got %q and error %v from reading %q again, want the same", again, err, address)
		}
	})
}

func TestByPriority(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		orders := rapid.SliceOf(rapid.Int32()).Draw(t, "orders")
		var g groups.Group
		for i, o := range orders {
			g.Connections = append(g.Connections, groups.Connection{ID: id.Connection(rune('a' + i)), Order: o})
		}
		got := g.ByPriority()
		if len(got) != len(orders) || !slices.IsSortedFunc(got, func(a, b groups.Connection) int {
			switch {
			case a.Order < b.Order:
				return -1
			case a.Order > b.Order:
				return 1
			default:
				return 0
			}
		}) {
			t.Errorf("got orders %v, want them ascending and complete", got)
		}
	})
}

func TestSameWay(t *testing.T) {
	t.Parallel()
	conn := func(change func(*groups.Connection)) groups.Connection {
		c := groups.Connection{
			ID: "a", Kind: groups.NCipher, Address: "hsm:4442", Slot: 1, PIN: secret.Sealed("PIN"),
			TLS: groups.TLS{Mode: groups.TLSRequired, Pinned: [][]byte{{1}}, ClientCert: []byte{2}, ClientKey: secret.Sealed("key")},
		}
		change(&c)
		return c
	}
	same := conn(func(*groups.Connection) {})
	for what, c := range map[string]struct {
		change     func(*groups.Connection)
		way, place bool
	}{
		"nothing":              {func(*groups.Connection) {}, true, true},
		"the order":            {func(c *groups.Connection) { c.Order = -1 }, true, true},
		"what is remembered":   {func(c *groups.Connection) { c.Refusal.Reason = fault.PINLocked }, true, true},
		"the id":               {func(c *groups.Connection) { c.ID = "b" }, false, true},
		"the PIN":              {func(c *groups.Connection) { c.PIN = nil }, false, true},
		"the client key":       {func(c *groups.Connection) { c.TLS.ClientKey = nil }, false, true},
		"the kind":             {func(c *groups.Connection) { c.Kind = groups.SoftHSM }, false, false},
		"the address":          {func(c *groups.Connection) { c.Address = "other:4442" }, false, false},
		"the slot":             {func(c *groups.Connection) { c.Slot = 2 }, false, false},
		"the mode of TLS":      {func(c *groups.Connection) { c.TLS.Mode = groups.TLSOpportunistic }, false, false},
		"the roots":            {func(c *groups.Connection) { c.TLS.GlobalRoots = true }, false, false},
		"the check of names":   {func(c *groups.Connection) { c.TLS.ValidateHostname = true }, false, false},
		"what is pinned":       {func(c *groups.Connection) { c.TLS.Pinned = [][]byte{{9}} }, false, false},
		"the client's own one": {func(c *groups.Connection) { c.TLS.ClientCert = []byte{9} }, false, false},
	} {
		other := conn(c.change)
		if got := same.SameWay(other); got != c.way {
			t.Errorf("%s is another: got the same way %t, want %t", what, got, c.way)
		}
		if got := same.SamePlace(other); got != c.place {
			t.Errorf("%s is another: got the same place %t, want %t", what, got, c.place)
		}
	}
}
