package keysync_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
)

// pair is a pair of keys as an inventory shows it.
func pair() (private, public hsm.Object) {
	private = hsm.Object{Class: hsm.PrivateKey, Type: keys.RSA, ID: []byte{7}, Label: []byte("tls"), Ops: keys.OpSign, PublicKey: []byte("spki")}
	public = hsm.Object{Class: hsm.PublicKey, Type: keys.RSA, ID: []byte{7}, Label: []byte("tls"), Ops: keys.OpVerify, PublicKey: []byte("spki")}
	return private, public
}

func TestLifeOfAKnownKey(t *testing.T) {
	t.Parallel()
	private, public := pair()
	whole, half := []hsm.Object{private, public}, []hsm.Object{public}
	now := time.Unix(1_700_000_000, 0).UTC()
	known := func(change func(*keys.Key)) []keys.Key {
		list := record(keysync.Make(whole, nil, groups.Policy{}), nil, now)
		change(&list[0])
		return list
	}
	type counts struct{ added, changed, missing, conflicts, unchanged, skipped, halves, warnings int }
	for name, c := range map[string]struct {
		inventory []hsm.Object
		known     []keys.Key
		policy    groups.Policy
		want      counts
	}{
		"active and there":                {whole, known(func(*keys.Key) {}), groups.Policy{}, counts{unchanged: 1}},
		"active and gone":                 {nil, known(func(*keys.Key) {}), groups.Policy{}, counts{missing: 1}},
		"destroyed and there":             {whole, known(func(k *keys.Key) { k.State = keys.Destroyed }), groups.Policy{}, counts{unchanged: 1}},
		"destroyed and gone":              {nil, known(func(k *keys.Key) { k.State = keys.Destroyed }), groups.Policy{}, counts{unchanged: 1}},
		"deleted and there":               {whole, known(func(k *keys.Key) { k.State = keys.Deleted }), groups.Policy{}, counts{added: 1}},
		"deleted and there, own keys":     {whole, known(func(k *keys.Key) { k.State = keys.Deleted }), groups.Policy{OwnKeysOnly: true}, counts{skipped: 1}},
		"private half removed here":       {whole, known(func(k *keys.Key) { k.PublicOnly = true }), groups.Policy{}, counts{unchanged: 1, warnings: 1}},
		"private half removed, own keys":  {whole, known(func(k *keys.Key) { k.PublicOnly = true }), groups.Policy{OwnKeysOnly: true}, counts{unchanged: 1, warnings: 1}},
		"private half removed everywhere": {half, known(func(k *keys.Key) { k.PublicOnly = true }), groups.Policy{}, counts{unchanged: 1}},
		"private half gone from the HSM":  {half, known(func(*keys.Key) {}), groups.Policy{}, counts{missing: 1, conflicts: 1, halves: 1, warnings: 1}},
		"and still gone":                  {half, known(func(k *keys.Key) { k.Virtual.MissingSince = now }), groups.Policy{}, counts{unchanged: 1, halves: 1, warnings: 1}},
		"back":                            {whole, known(func(k *keys.Key) { k.Virtual.MissingSince = now }), groups.Policy{}, counts{changed: 1}},
		"moved":                           {whole, known(func(k *keys.Key) { k.Virtual.Label = []byte("old") }), groups.Policy{}, counts{changed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := keysync.Make(c.inventory, c.known, c.policy)
			got := counts{len(p.New), len(p.Changed), len(p.Missing), len(p.Conflicts), p.Unchanged, p.Skipped, p.Halves, 0}
			for _, w := range p.Warnings {
				if !strings.Contains(w.Message, "without a public key") {
					got.warnings++
				}
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			for _, ch := range p.Changed {
				if back, moved := name == "back", name == "moved"; ch.Back != back || ch.Moved != moved {
					t.Errorf("got back %t and moved %t, want %t and %t", ch.Back, ch.Moved, back, moved)
				}
			}
		})
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0).UTC()
	scan := func(ago time.Duration, r keysync.Result) keysync.Scan {
		s := keysync.Scan{StartedAt: now.Add(-ago), Result: r}
		if r != keysync.Running {
			s.FinishedAt = s.StartedAt
		}
		return s
	}
	for name, c := range map[string]struct {
		hours int
		scans []keysync.Scan
		want  bool
	}{
		"not wanted":                           {0, nil, false},
		"never synced":                         {2, nil, true},
		"one runs":                             {2, []keysync.Scan{scan(9*time.Hour, keysync.Running)}, false},
		"synced lately":                        {2, []keysync.Scan{scan(2*time.Hour-time.Second, keysync.Succeeded)}, false},
		"synced long ago":                      {2, []keysync.Scan{scan(2*time.Hour, keysync.Succeeded)}, true},
		"failed just now":                      {2, []keysync.Scan{scan(keysync.RetryAfter-time.Second, keysync.Failed), scan(9*time.Hour, keysync.Succeeded)}, false},
		"failed some time ago":                 {2, []keysync.Scan{scan(keysync.RetryAfter, keysync.Failed), scan(9*time.Hour, keysync.Succeeded)}, true},
		"cancelled and synced before":          {2, []keysync.Scan{scan(time.Hour, keysync.Cancelled), scan(90*time.Minute, keysync.Succeeded)}, false},
		"failed, and the last success is kept": {2, []keysync.Scan{scan(time.Hour, keysync.Failed)}, true},
	} {
		if got := keysync.Due(c.hours, c.scans, now); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

func TestEndOfAScan(t *testing.T) {
	t.Parallel()
	many := make([]keysync.Warning, keysync.WarningsKept+5)
	for i := range many {
		many[i].Key = id.Key(rune('a' + i%20))
	}
	s := keysync.Scan{ID: "s"}.End(time.Unix(1, 0), keysync.Succeeded, "", keysync.Counts{Added: 1}, many)
	last := s.Warnings[len(s.Warnings)-1]
	if len(s.Warnings) != keysync.WarningsKept || last.Message != "there were 1005 warnings; the first are kept" || many[keysync.WarningsKept-1].Message != "" {
		t.Errorf("got %d warnings and at last %+v", len(s.Warnings), last)
	}
	if s = (keysync.Scan{}).End(time.Unix(1, 0), keysync.Failed, "m", keysync.Counts{}, many[:3]); len(s.Warnings) != 3 {
		t.Errorf("got %d warnings, want all 3", len(s.Warnings))
	}
}
