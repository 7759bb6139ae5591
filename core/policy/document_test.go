package policy_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/core/groups"
	"gatehouse/core/policy"
)

var update = flag.Bool("update", false, "write docs/policy-decisions.md and testdata/decisions.txt")

const (
	document = "../../docs/policy-decisions.md"
	list     = "testdata/decisions.txt"
)

// TestList holds the list of every combination to the code, one line each.
func TestList(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	n := 0
	every(func(c combination) {
		n++
		fmt.Fprintf(&b, "%s | %s | %s | %s | %s => %s\n", c.e, writeBack(c.p), scan(c.p), c.m, c.a, row(c.o))
	})
	if want := (len(policy.Changes()) + len(policy.Sightings())) * 4 * len(policy.Makers()) * len(policy.Answers()); n != want {
		t.Errorf("got %d combinations, want %d", n, want)
	}
	golden(t, list, b.String())
}

// TestDocument holds the tables for people to the code.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), "<!-- changes:")
	comment, rest, ok2 := strings.Cut(rest, "-->\n")
	_, middle, ok3 := strings.Cut(rest, "<!-- end -->")
	middle, rest, ok4 := strings.Cut(middle, "<!-- sightings:")
	comment2, rest, ok5 := strings.Cut(rest, "-->\n")
	_, tail, ok6 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		t.Fatal("the document has no places for the tables")
	}
	golden(t, document, head+"<!-- changes:"+comment+"-->\n"+table(policy.Changes())+"<!-- end -->"+
		middle+"<!-- sightings:"+comment2+"-->\n"+table(policy.Sightings())+"<!-- end -->"+tail)
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	switch {
	case err == nil && string(got) == want:
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the code decides: run go test ./core/policy -update and review the difference", path)
	}
}

func writeBack(p groups.Policy) string {
	if p.WriteBack {
		return "apply"
	}
	return "do not apply"
}

func scan(p groups.Policy) string {
	if p.OwnKeysOnly {
		return "own keys"
	}
	return "all keys"
}

func row(o policy.Outcome) string {
	audited := "–"
	if o.Audited.Action != "" {
		audited = o.Audited.Action + ": " + string(o.Audited.Outcome)
	}
	return strings.Join([]string{string(o.Asked), string(o.HSMKey), string(o.Virtual), string(o.Told), audited}, " | ")
}

// table lists the decisions on these events. What makes no difference is "any",
// and answers that come to the same share a row.
func table(events []policy.Event) string {
	var b strings.Builder
	b.WriteString("| event | policy | key scan | made by | HSM asked to | HSM answers | HSM key | virtual key | caller is told | audit log |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, e := range events {
		for _, in := range circumstances(e) {
			for _, as := range alike(in, e) {
				o := policy.Decide(in.policies[0], in.makers[0], e, as[0])
				asked, rest, _ := strings.Cut(row(o), " | ")
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", e, in.writeBack, in.scan, in.made, asked, names(as, policy.Answers()), rest)
			}
		}
	}
	return b.String()
}

// circumstance is a set of settings and makers that come to the same.
type circumstance struct {
	policies              []groups.Policy
	makers                []policy.Maker
	writeBack, scan, made string
}

// circumstances divides all settings and makers by what they come to.
func circumstances(e policy.Event) []circumstance {
	same := func(p, q groups.Policy, m, n policy.Maker) bool {
		return !slices.ContainsFunc(policy.Answers(), func(a policy.Answer) bool {
			return policy.Decide(p, m, e, a) != policy.Decide(q, n, e, a)
		})
	}
	agree := func(p groups.Policy, q groups.Policy) bool {
		return !slices.ContainsFunc(policy.Makers(), func(m policy.Maker) bool { return !same(p, q, m, m) })
	}
	flip := func(change func(*groups.Policy)) bool { // whether a setting makes no difference
		return !slices.ContainsFunc(settings(), func(p groups.Policy) bool {
			q := p
			change(&q)
			return !agree(p, q)
		})
	}
	anyWriteBack := flip(func(p *groups.Policy) { p.WriteBack = !p.WriteBack })
	anyScan := flip(func(p *groups.Policy) { p.OwnKeysOnly = !p.OwnKeysOnly })
	var all []circumstance
	for _, p := range settings() {
		if anyWriteBack && p.WriteBack || anyScan && p.OwnKeysOnly {
			continue
		}
		c := circumstance{policies: []groups.Policy{p}, writeBack: writeBack(p), scan: scan(p)}
		if anyWriteBack {
			c.writeBack = "any"
		}
		if anyScan {
			c.scan = "any"
		}
		for rest := policy.Makers(); len(rest) > 0; {
			like := slices.DeleteFunc(slices.Clone(rest), func(m policy.Maker) bool { return !same(p, p, rest[0], m) })
			c.makers, c.made = like, names(like, policy.Makers())
			all = append(all, c)
			rest = slices.DeleteFunc(rest, func(m policy.Maker) bool { return slices.Contains(like, m) })
		}
	}
	return all
}

// alike divides the answers by what they come to.
func alike(in circumstance, e policy.Event) [][]policy.Answer {
	var all [][]policy.Answer
	for rest := policy.Answers(); len(rest) > 0; {
		first := policy.Decide(in.policies[0], in.makers[0], e, rest[0])
		like := slices.DeleteFunc(slices.Clone(rest), func(a policy.Answer) bool {
			return policy.Decide(in.policies[0], in.makers[0], e, a) != first
		})
		all = append(all, like)
		rest = slices.DeleteFunc(rest, func(a policy.Answer) bool { return slices.Contains(like, a) })
	}
	return all
}

// names lists some of all values; "any" for all of them.
func names[T ~string](some, all []T) string {
	if len(some) == len(all) {
		return "any"
	}
	texts := make([]string, len(some))
	for i, s := range some {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
