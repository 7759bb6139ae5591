package failover_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	reverse := func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	t.Run("every connection is tried once", rapid.MakeCheck(func(t *rapid.T) {
		g := groups.Group{Redundancy: rapid.SampledFrom([]groups.Redundancy{groups.AnyOrder, groups.PriorityFailover}).Draw(t, "redundancy")}
		for i, o := range rapid.SliceOf(rapid.Int32Range(-3, 3)).Draw(t, "orders") {
			g.Connections = append(g.Connections, groups.Connection{ID: id.Connection(rune('a' + i)), Order: o})
		}
		got := failover.Order(g, reverse)
		seen := map[id.Connection]bool{}
		for i, c := range got {
			seen[c.ID] = true
			if g.Redundancy == groups.PriorityFailover && i > 0 && got[i-1].Order > c.Order {
				t.Errorf("got priority %d before %d, want ascending", got[i-1].Order, c.Order)
			}
		}
		if len(seen) != len(g.Connections) || len(got) != len(g.Connections) {
			t.Errorf("got %d connections, %d different, want %d", len(got), len(seen), len(g.Connections))
		}
	}))
	t.Run("without a scheme the order is shuffled", func(t *testing.T) {
		t.Parallel()
		g := groups.Group{Connections: []groups.Connection{{ID: "a"}, {ID: "b"}}}
		if got := failover.Order(g, reverse); got[0].ID != "b" {
			t.Errorf("got %s first, want b", got[0].ID)
		}
	})
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, k := range fault.Kinds() {
		if got, want := failover.Next(fault.New(k, "x"), true), k == fault.Unavailable; got != want {
			t.Errorf("%s, repeatable: got %t, want %t", k, got, want)
		}
		if failover.Next(fault.New(k, "x"), false) {
			t.Errorf("%s, not repeatable: got another try, want none without proof that nothing was done", k)
		}
	}
	never := fault.New(fault.Unavailable, "x").Because(fault.Refused)
	if !failover.Next(never, false) {
		t.Error("got no other try although nothing had been sent, want one")
	}
	silent := fault.New(fault.Unavailable, "x").Because(fault.TimedOut)
	if failover.Next(silent, false) {
		t.Error("got another try after a call that may have been carried out, want none")
	}
	if !failover.Next(silent.Untried(), false) {
		t.Error("got no other try although nothing was tried, want one")
	}
	if failover.Next(fault.New(fault.Invalid, "x").Untried(), false) {
		t.Error("got another try for a request that is wrong everywhere, want none")
	}
	if failover.Next(fault.New(fault.Unavailable, "x").Because(fault.TimedOut), false) {
		t.Error("got another try of a change that timed out, want none: it may have been done")
	}
	if failover.Next(errors.New("a bug"), true) {
		t.Error("got another try after a bug, want none")
	}
}
