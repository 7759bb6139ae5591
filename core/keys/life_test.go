package keys_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// life is every state and action: the state after it, "same" for the one before,
// "-" for a refusal.
var life = map[keys.Action]map[keys.State]string{
	keys.Describe:      row("same", "same", "same", "same", "same", "-"),
	keys.Configure:     row("same", "same", "same", "same", "-", "-"),
	keys.Move:          row("same", "same", "same", "same", "-", "-"),
	keys.Activate:      row("Active", "-", "-", "-", "-", "-"),
	keys.Deactivate:    row("Deactivated", "Deactivated", "-", "-", "-", "-"),
	keys.Compromise:    row("Compromised", "Compromised", "Compromised", "-", "-", "-"),
	keys.RemovePrivate: row("same", "same", "same", "same", "-", "-"),
	keys.Rotate:        row("same", "same", "same", "same", "-", "-"),
	keys.TakePlace:     row("same", "same", "-", "-", "-", "-"),
	keys.Copy:          row("same", "same", "-", "-", "-", "-"),
	keys.Destroy:       row("Destroyed", "Destroyed", "Destroyed", "Destroyed", "-", "-"),
	keys.Delete:        row("Deleted", "Deleted", "Deleted", "Deleted", "Deleted", "-"),
	keys.Revert:        row("same", "same", "same", "same", "same", "same"),
}

func row(cells ...string) map[keys.State]string {
	r := map[keys.State]string{}
	for i, s := range keys.States() {
		r[s] = cells[i]
	}
	return r
}

func TestLife(t *testing.T) {
	t.Parallel()
	if len(life) != len(keys.Actions()) {
		t.Errorf("got %d actions in the table, want %d", len(life), len(keys.Actions()))
	}
	order := keys.States()
	for _, a := range keys.Actions() {
		for _, s := range order {
			got, err := s.After(a)
			want := life[a][s]
			switch want {
			case "-":
				kind := fault.BadState
				if s == keys.Deleted {
					kind = fault.NotFound
				}
				if !errors.Is(err, kind) || fault.Message(err) == "" {
					t.Errorf("%s a key in state %s: got %s and error %v, want it refused (%v)", a, s, got, err, kind)
				}
			case "same":
				if err != nil || got != s {
					t.Errorf("%s a key in state %s: got %s and error %v, want it to stay", a, s, got, err)
				}
			default:
				if err != nil || got != keys.State(want) {
					t.Errorf("%s a key in state %s: got %s and error %v, want %s", a, s, got, err, want)
				}
			}
			if err == nil && slices.Index(order, got) < slices.Index(order, s) {
				t.Errorf("%s leads from %s back to %s", a, s, got)
			}
		}
	}
	if _, err := keys.Active.After("wish"); !errors.Is(err, fault.Internal) {
		t.Errorf("an unknown action: got %v, want an internal error", err)
	}
}

func at(d int) time.Time { return time.Date(2026, 1, d, 12, 0, 0, 0, time.UTC) }

func TestRevoked(t *testing.T) {
	t.Parallel()
	active := keys.Key{State: keys.Active, Enabled: true, Material: []byte("m"), ActivationDate: at(1)}
	for name, c := range map[string]struct {
		key       keys.Key
		reason    keys.RevocationReason
		want      keys.State
		compromis time.Time
		err       error
	}{
		"superseded":                      {active, keys.RevocationReason{Code: "Superseded"}, keys.Deactivated, time.Time{}, nil},
		"compromised":                     {active, keys.RevocationReason{Code: "KeyCompromise"}, keys.Compromised, at(5), nil},
		"compromised some time ago":       {active, keys.RevocationReason{Code: "CACompromise", CompromiseAt: at(3)}, keys.Compromised, at(3), nil},
		"compromised in the future":       {active, keys.RevocationReason{Code: "KeyCompromise", CompromiseAt: at(9)}, "", time.Time{}, fault.Invalid},
		"superseded with a compromise":    {active, keys.RevocationReason{Code: "Superseded", CompromiseAt: at(3)}, "", time.Time{}, fault.Invalid},
		"for an unknown reason":           {active, keys.RevocationReason{Code: "Boredom"}, "", time.Time{}, fault.Invalid},
		"deactivated by its date already": {keys.Key{State: keys.Active, DeactivationDate: at(4)}, keys.RevocationReason{Code: "Unspecified"}, "", time.Time{}, fault.BadState},
		"and then compromised":            {keys.Key{State: keys.Active, DeactivationDate: at(4)}, keys.RevocationReason{Code: "KeyCompromise"}, keys.Compromised, at(5), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.key.Revoked(c.reason, at(5))
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if got.State != c.want || got.DeactivationDate.IsZero() || !got.CompromiseDate.Equal(c.compromis) || got.RevocationReason.Code != c.reason.Code {
				t.Errorf("got %+v, want state %s and compromise date %v", got, c.want, c.compromis)
			}
			if c.key.RevocationReason != nil {
				t.Error("the original was changed")
			}
		})
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	k := keys.Key{State: keys.PreActive, Enabled: true, ActivationDate: at(3), DeactivationDate: at(6), ScheduledRotation: at(4)}
	for _, c := range []struct {
		day  int
		want keys.State
		due  time.Time
	}{
		{2, keys.PreActive, at(3)},
		{3, keys.Active, at(4)},
		{6, keys.Deactivated, time.Time{}},
	} {
		got := k.Aged(at(c.day))
		if got.State != c.want || !got.Due().Equal(c.due) {
			t.Errorf("day %d: got state %s due %v, want %s due %v", c.day, got.State, got.Due(), c.want, c.due)
		}
	}
	k = k.Aged(at(3))
	k.Enabled = false
	if got := k.Due(); !got.Equal(at(6)) {
		t.Errorf("disabled: got it due %v, want no rotation", got)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	const window = 48 * time.Hour
	was := keys.Key{State: keys.Active, Group: "g", Ops: keys.OpSign, Material: []byte("m"), Enabled: true}
	off, err := was.Revoked(keys.RevocationReason{Code: "KeyCompromise"}, at(1))
	if err != nil {
		t.Fatal(err)
	}
	off = off.Remembering(was, "one", at(1), window)
	gone, err := off.Erased(keys.Destroy, at(2), true)
	if err != nil {
		t.Fatal(err)
	}
	gone = gone.Remembering(off, "two", at(2), window)
	if len(gone.History) != 2 || gone.Material.Empty() {
		t.Fatalf("got %+v, want two items and the material kept", gone)
	}

	if got, err := gone.Reverted([]string{"two"}, at(2)); err != nil || got.State != keys.Compromised || len(got.History) != 1 || !got.DestructionDate.IsZero() {
		t.Errorf("the last: got %+v and error %v, want it compromised", got, err)
	}
	if got, err := gone.Reverted([]string{"two", "one"}, at(2)); err != nil || got.State != keys.Active || len(got.History) != 0 || got.RevocationReason != nil {
		t.Errorf("both: got %+v and error %v, want it active", got, err)
	}
	for name, ids := range map[string][]string{"forgotten": {"one"}, "unknown": {"three"}, "none": nil} {
		if _, err := gone.Reverted(ids, at(3).Add(time.Hour)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	if got := gone.Aged(at(3)); len(got.History) != 1 || got.Material.Empty() {
		t.Errorf("got %+v, want the material kept while the history can bring it back", got)
	}
	end := gone.Aged(at(4))
	if len(end.History) != 0 || !end.Material.Empty() || !end.Due().IsZero() {
		t.Errorf("got %+v, want no history and no material", end)
	}
	lost := gone.Clone()
	lost.Material = nil
	if _, err := lost.Reverted([]string{"one"}, at(2)); !errors.Is(err, fault.BadState) {
		t.Errorf("material is gone: got %v, want it refused", err)
	}
	if got := was.Clone().Remembering(was, "x", at(1), window); len(got.History) != 0 {
		t.Error("what changes nothing was remembered")
	}
	if got := off.Remembering(was, "x", at(1), 0); len(got.History) != 1 {
		t.Error("something was remembered although nobody asks for it")
	}
}

func TestRotationPolicy(t *testing.T) {
	t.Parallel()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 9, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		policy    keys.RotationPolicy
		now, want time.Time
	}{
		"not begun yet":            {keys.RotationPolicy{Days: 30, EffectiveAt: day(2026, 3, 1)}, day(2026, 1, 1), day(2026, 3, 1)},
		"at its beginning":         {keys.RotationPolicy{Days: 30, EffectiveAt: day(2026, 3, 1)}, day(2026, 3, 1), day(2026, 3, 31)},
		"long after":               {keys.RotationPolicy{Days: 1, EffectiveAt: day(2000, 1, 1)}, day(2026, 3, 1).Add(time.Second), day(2026, 3, 2)},
		"at the end of each month": {keys.RotationPolicy{Months: 1, EffectiveAt: day(2026, 1, 31)}, day(2026, 2, 1), day(2026, 2, 28)},
		"and not drifting":         {keys.RotationPolicy{Months: 1, EffectiveAt: day(2026, 1, 31)}, day(2026, 2, 28), day(2026, 3, 31)},
		"each year":                {keys.RotationPolicy{Months: 12, EffectiveAt: day(2020, 2, 29)}, day(2023, 2, 28), day(2024, 2, 29)},
		"at the end of time":       {keys.RotationPolicy{Months: 1200, EffectiveAt: day(9990, 1, 1)}, day(9991, 1, 1), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.policy.Next(c.now); !got.Equal(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	for name, p := range map[string]keys.RotationPolicy{
		"nothing": {}, "both": {Days: 1, Months: 1}, "less than nothing": {Days: -1}, "too long": {Months: 2000},
	} {
		if _, err := p.Checked(at(1)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	if p, err := (keys.RotationPolicy{Days: 2}).Checked(at(1)); err != nil || !p.EffectiveAt.Equal(at(3)) {
		t.Errorf("got %+v and error %v, want it to begin in two days", p, err)
	}
}
