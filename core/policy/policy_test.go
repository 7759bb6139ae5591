package policy_test

import (
	"errors"
	"testing"

	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/policy"
)

// combination is one case with its decision.
type combination struct {
	p groups.Policy
	m policy.Maker
	e policy.Event
	a policy.Answer
	o policy.Outcome
}

// every calls yield with every combination there is.
func every(yield func(combination)) {
	for _, e := range append(policy.Changes(), policy.Sightings()...) {
		for _, p := range settings() {
			for _, m := range policy.Makers() {
				for _, a := range policy.Answers() {
					yield(combination{p, m, e, a, policy.Decide(p, m, e, a)})
				}
			}
		}
	}
}

func settings() []groups.Policy {
	return []groups.Policy{{}, {OwnKeysOnly: true}, {WriteBack: true}, {WriteBack: true, OwnKeysOnly: true}}
}

// seen reports whether e is something that a sync sees.
func seen(e policy.Event) bool {
	for _, s := range policy.Sightings() {
		if s == e {
			return true
		}
	}
	return false
}

// hold makes sure that the rule holds in every combination to which it applies,
// and that it applies to some.
func hold(t *testing.T, rule string, applies, holds func(combination) bool) {
	t.Helper()
	cases := 0
	every(func(c combination) {
		if !applies(c) {
			return
		}
		cases++
		if !holds(c) {
			t.Errorf("%s: not so for %+v", rule, c)
		}
	})
	if cases == 0 {
		t.Errorf("%s: there is no such case", rule)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	making := func(c combination) bool { return c.e == policy.Create || c.e == policy.Rotate }
	hold(t, "P1: without write-back only a new key asks the HSM for anything",
		func(c combination) bool { return !c.p.WriteBack && !seen(c.e) && !making(c) },
		func(c combination) bool {
			return c.o.Asked == policy.AskNothing && c.o.HSMKey == policy.Untouched && c.o.Told == policy.ToldDone
		})
	hold(t, "P1, P2: a new key is made in the HSM at once", making,
		func(c combination) bool { return c.o.Asked == policy.AskMake })
	hold(t, "P2: permissions, name, private half and the key itself are the HSM's business too",
		func(c combination) bool {
			return c.p.WriteBack && !seen(c.e) && c.e != policy.UpdateRecord && c.e != policy.Deactivate
		},
		func(c combination) bool { return c.o.Asked != policy.AskNothing })
	hold(t, "P2: unless the HSM has done it the virtual key stays as it was, or waits for recovery",
		func(c combination) bool {
			return c.o.Asked != policy.AskNothing && c.o.Told != policy.ToldDone && c.o.Told != policy.ToldWarning
		},
		func(c combination) bool {
			return c.o.Virtual == policy.Stays || c.o.Virtual == policy.NotMade ||
				c.o.HSMKey == policy.Uncertain && (c.o.Virtual == policy.FollowsHSM || c.o.Virtual == policy.TakenBack)
		})
	hold(t, "K4: a change of state stays in the service",
		func(c combination) bool { return c.e == policy.Deactivate },
		func(c combination) bool {
			return c.o.Asked == policy.AskNothing && c.o.Virtual == policy.ChangesState
		})
	hold(t, "P3: a sync changes nothing in the HSM, and no permissions", func(c combination) bool { return seen(c.e) },
		func(c combination) bool {
			return c.o.HSMKey == policy.Untouched && c.o.Virtual != policy.TakesChange
		})
	hold(t, "P3: other permissions in the HSM are nothing to a sync",
		func(c combination) bool { return c.e == policy.SeesOps },
		func(c combination) bool {
			return c.o.Virtual == policy.Stays && c.o.Audited == policy.Audited{}
		})
	hold(t, "P4.1: a key without a virtual key is imported, whoever made it",
		func(c combination) bool { return c.e == policy.SeesNew && c.a == policy.Done && !c.p.OwnKeysOnly },
		func(c combination) bool { return c.o.Virtual == policy.Imported })
	hold(t, "P4.2: none is imported",
		func(c combination) bool { return c.e == policy.SeesNew && c.p.OwnKeysOnly },
		func(c combination) bool { return c.o.Virtual == policy.LeftOut || c.o.Virtual == policy.NotMade })
	hold(t, "P4.2, P4.3: what has a virtual key is managed alike whatever the scan setting is and whoever made it",
		func(c combination) bool { return c.e != policy.SeesNew },
		func(c combination) bool {
			all := groups.Policy{WriteBack: c.p.WriteBack}
			return c.o == policy.Decide(all, policy.ThisGroup, c.e, c.a)
		})
	hold(t, "G7: a sync that could not read the slot records nothing",
		func(c combination) bool { return seen(c.e) && c.a != policy.Done },
		func(c combination) bool {
			return (c.o.Virtual == policy.Stays || c.o.Virtual == policy.NotMade) && c.o.Audited == policy.Audited{}
		})
	hold(t, "every change is audited, with how it ended", func(c combination) bool { return !seen(c.e) },
		func(c combination) bool {
			return c.o.Audited.Action != "" && (c.o.Audited.Outcome == audit.Done) == (c.o.Told == policy.ToldDone)
		})
	hold(t, "what may have been done is told as such",
		func(c combination) bool { return c.o.HSMKey == policy.Uncertain },
		func(c combination) bool { return c.a == policy.Unknown && c.o.Told == policy.ToldUnknown })
	hold(t, "nothing is left open", func(combination) bool { return true },
		func(c combination) bool {
			return c.o.Asked != "" && c.o.HSMKey != "" && c.o.Virtual != "" && c.o.Told != "" && (c.o.Audited.Action == "") == (c.o.Audited.Outcome == "")
		})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	kinds := map[fault.Kind]policy.Answer{
		fault.Invalid: policy.Refused, fault.Denied: policy.Refused, fault.Conflict: policy.Refused, fault.BadState: policy.Refused,
		fault.NotFound: policy.NotFound, fault.Unsupported: policy.Unsupported,
		fault.Unauthenticated: policy.Unreachable, fault.Exhausted: policy.Unreachable,
		fault.Unavailable: policy.Unknown, fault.Internal: policy.Unknown,
	}
	for _, k := range fault.Kinds() {
		want, listed := kinds[k]
		if got := policy.AnswerOf(fault.New(k, "m"), false); !listed || got != want {
			t.Errorf("%s: got %q, want %q", k, got, want)
		}
	}
	lost := fault.New(fault.Unavailable, "m")
	for what, got := range map[string][2]policy.Answer{
		"no error":             {policy.AnswerOf(nil, false), policy.Done},
		"a strange error":      {policy.AnswerOf(errors.New("what"), false), policy.Unknown},
		"untried":              {policy.AnswerOf(lost.Untried(), false), policy.Unreachable},
		"no token was reached": {policy.AnswerOf(lost, true), policy.Unreachable},
		"refused untouched":    {policy.AnswerOf(fault.New(fault.Denied, "m"), true), policy.Refused},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %q, want %q", what, got[0], got[1])
		}
	}
}
