package audit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// record draws a record as a use case would hand it in.
func record(t *rapid.T, label string) audit.Record {
	text := rapid.String()
	return audit.Record{
		At:          time.UnixMicro(rapid.Int64Range(-1<<50, 1<<50).Draw(t, label+" at")).UTC(),
		Correlation: text.Draw(t, label+" correlation"),
		Account:     id.Account(text.Draw(t, label+" account")),
		Actor:       id.Principal{Kind: id.PrincipalKind(text.Draw(t, label+" actor kind")), ID: text.Draw(t, label+" actor")},
		Action:      text.Draw(t, label+" action"),
		Object:      text.Draw(t, label+" object"),
		Group:       id.Group(text.Draw(t, label+" group")),
		Outcome:     audit.Outcome(text.Draw(t, label+" outcome")),
		Detail:      text.Draw(t, label+" detail"),
	}
}

// chain draws a log of at least least records, and its head.
func chain(t *rapid.T, least int) ([]audit.Record, audit.Head) {
	var head audit.Head
	log := make([]audit.Record, rapid.IntRange(least, least+8).Draw(t, "length"))
	for i := range log {
		log[i] = audit.Link(record(t, "record"), head.Seq+1, head.Hash)
		head = audit.Head{Seq: log[i].Seq, Hash: log[i].Hash}
	}
	return log, head
}

// verify returns the first damage that a verifier finds, or "" when there is none.
func verify(t *rapid.T, log []audit.Record, head audit.Head) audit.Damage {
	v := audit.NewVerifier(audit.Head{})
	for _, r := range log {
		if err := v.Next(r); err != nil {
			return damageOf(t, err)
		}
	}
	if err := v.End(head); err != nil {
		return damageOf(t, err)
	}
	return ""
}

func damageOf(t *rapid.T, err error) audit.Damage {
	var d audit.Damage
	if !errors.As(err, &d) {
		t.Fatalf("got the error %v, want one with a Damage", err)
	}
	if !errors.Is(err, fault.Internal) {
		t.Fatalf("got an error of kind %v, want %v", fault.KindOf(err), fault.Internal)
	}
	return d
}

func TestVerifier(t *testing.T) {
	t.Parallel()

	t.Run("finds nothing in an unchanged log", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 0)
		if got := verify(t, log, head); got != "" {
			t.Errorf("got damage %q, want none", got)
		}
		seq, prev := int64(1), [32]byte{}
		for _, r := range log {
			if !r.Intact(seq, prev) {
				t.Errorf("got record %d not intact, want it intact", seq)
			}
			seq, prev = seq+1, r.Hash
		}
	}))

	t.Run("goes on from any head", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 1)
		at := rapid.IntRange(0, len(log)-1).Draw(t, "at")
		v := audit.NewVerifier(audit.Head{Seq: log[at].Seq, Hash: log[at].Hash})
		for _, r := range log[at+1:] {
			if err := v.Next(r); err != nil {
				t.Errorf("Next: got %v, want no error", err)
			}
		}
		if err := v.End(head); err != nil {
			t.Errorf("End: got %v, want no error", err)
		}
	}))

	t.Run("finds a change of any field", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 1)
		at := rapid.IntRange(0, len(log)-1).Draw(t, "at")
		change(t, &log[at])
		if got := verify(t, log, head); got != audit.Changed {
			t.Errorf("got %q, want %q", got, audit.Changed)
		}
	}))

	t.Run("finds a change whose hash was made anew", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 1)
		at := rapid.IntRange(0, len(log)-1).Draw(t, "at")
		r := log[at]
		r.Detail += "!"
		log[at] = audit.Link(r, r.Seq, r.Prev)
		if got := verify(t, log, head); got != audit.Changed {
			t.Errorf("got %q, want %q", got, audit.Changed)
		}
	}))

	t.Run("finds a gap", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 2)
		from := rapid.IntRange(0, len(log)-2).Draw(t, "from")
		to := rapid.IntRange(from+1, len(log)-1).Draw(t, "to")
		log = append(log[:from:from], log[to:]...)
		if got := verify(t, log, head); got != audit.Missing {
			t.Errorf("got %q, want %q", got, audit.Missing)
		}
	}))

	t.Run("finds a cut tail", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 1)
		left := rapid.IntRange(0, len(log)-1).Draw(t, "left")
		if got := verify(t, log[:left], head); got != audit.CutTail {
			t.Errorf("got %q, want %q", got, audit.CutTail)
		}
	}))

	t.Run("finds what was put in twice or out of order", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 2)
		i := rapid.IntRange(0, len(log)-2).Draw(t, "i")
		if rapid.Bool().Draw(t, "twice") {
			log = append(log[:i+1:i+1], log[i:]...)
		} else {
			log[i], log[i+1] = log[i+1], log[i]
		}
		if got := verify(t, log, head); got == "" {
			t.Error("got no damage, want some")
		}
	}))

	t.Run("finds a head that was changed", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 1)
		head.Hash[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		if got := verify(t, log, head); got != audit.Changed {
			t.Errorf("got %q, want %q", got, audit.Changed)
		}
		if got := verify(t, log, audit.Head{}); got != audit.Changed {
			t.Errorf("got %q for a head before the end, want %q", got, audit.Changed)
		}
	}))

	t.Run("goes on after damage and reports each once", rapid.MakeCheck(func(t *rapid.T) {
		log, head := chain(t, 6)
		log[1].Action += "!"
		log = append(log[:3:3], log[4:]...)
		v := audit.NewVerifier(audit.Head{})
		var got []audit.Damage
		for _, r := range log {
			if err := v.Next(r); err != nil {
				got = append(got, damageOf(t, err))
			}
		}
		if err := v.End(head); err != nil {
			got = append(got, damageOf(t, err))
		}
		if diff := cmp.Diff(got, []audit.Damage{audit.Changed, audit.Missing}); diff != "" {
			t.Errorf("damage, got − want +:\n%s", diff)
		}
	}))
}

// change alters one field of a linked record and leaves its number and hash.
func change(t *rapid.T, r *audit.Record) {
	fields := map[string]func(){
		"at":          func() { r.At = r.At.Add(time.Microsecond) },
		"correlation": func() { r.Correlation += "!" },
		"account":     func() { r.Account += "!" },
		"actor kind":  func() { r.Actor.Kind += "!" },
		"actor":       func() { r.Actor.ID += "!" },
		"action":      func() { r.Action += "!" },
		"object":      func() { r.Object += "!" },
		"group":       func() { r.Group += "!" },
		"outcome":     func() { r.Outcome += "!" },
		"detail":      func() { r.Detail += "!" },
		"prev":        func() { r.Prev[0] ^= 1 },
		"hash":        func() { r.Hash[0] ^= 1 },
		// what lies between two fields belongs to one of them
		"boundary": func() { r.Account, r.Correlation = id.Account(r.Correlation)+"!"+r.Account, "" },
	}
	fields[rapid.SampledFrom([]string{
		"at", "correlation", "account", "actor kind", "actor", "action", "object",
		"group", "outcome", "detail", "prev", "hash", "boundary",
	}).Draw(t, "field")]()
}

func TestLink(t *testing.T) {
	t.Parallel()

	t.Run("keeps time to the microsecond, wherever the clock is", rapid.MakeCheck(func(t *rapid.T) {
		r := record(t, "record")
		elsewhere := r
		elsewhere.At = r.At.Add(999 * time.Nanosecond).In(time.FixedZone("elsewhere", 3600))
		if got, want := audit.Link(elsewhere, 1, [32]byte{}).Hash, audit.Link(r, 1, [32]byte{}).Hash; got != want {
			t.Error("got two hashes for one microsecond, want one")
		}
	}))

	t.Run("gives records of the same text in other fields other hashes", rapid.MakeCheck(func(t *rapid.T) {
		text := rapid.StringN(1, 20, -1).Draw(t, "text")
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		a := audit.Link(audit.Record{Action: text}, 1, [32]byte{})
		b := audit.Link(audit.Record{Action: text[:cut], Object: text[cut:]}, 1, [32]byte{})
		if (a.Hash == b.Hash) != (cut == len(text)) {
			t.Errorf("got equal hashes: %v for a cut at %d of %d", a.Hash == b.Hash, cut, len(text))
		}
	}))

	t.Run("is what Intact recognises, and at its place alone", rapid.MakeCheck(func(t *rapid.T) {
		log, _ := chain(t, 1)
		last := log[len(log)-1]
		if !last.Intact(last.Seq, last.Prev) {
			t.Error("got not intact at its place, want intact")
		}
		if last.Intact(last.Seq+1, last.Prev) || last.Intact(last.Seq, last.Hash) {
			t.Error("got intact at another place, want not")
		}
	}))
}
