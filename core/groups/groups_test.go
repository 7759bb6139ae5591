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
