package campaign_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/simulators/campaign"
	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

func TestTable(t *testing.T) {
	t.Parallel()
	faults := campaign.Faults()
	if len(faults) < 200 {
		t.Errorf("got %d faults, want at least 200", len(faults))
	}
	names, total := map[string]bool{}, time.Duration(0)
	for _, f := range faults {
		if names[f.Name] {
			t.Errorf("%q is there twice", f.Name)
		}
		names[f.Name] = true
		total += f.Hold
		if f.Class == "" || f.Hold <= 0 || len(f.Rules) == 0 && f.Signal == 0 {
			t.Errorf("%q is not complete: %+v", f.Name, f)
		}
	}
	if total > 8*time.Minute {
		t.Errorf("all faults together last %s, want at most 8 min", total)
	}
}

// TestSome injects every so manieth fault of the table; `make faults` injects
// all of them.
func TestSome(t *testing.T) {
	w := world(t)
	c, err := campaign.Begin(t.Context(), w, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range campaign.Faults() {
		if i%13 != 4 || f.Hold > 5*time.Second {
			continue
		}
		r, err := c.Inject(t.Context(), f)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		t.Logf("%s: %d good, %d failed, back after %s", f.Name, r.Good, r.Failed, r.Back)
		report(t, f.Class+": "+f.Name, r.Violations)
	}
	if err := c.End(); err != nil {
		t.Error(err)
	}
}

// TestLostToken: a token whose file is cut short is put back, and that is told as
// wrong, because no process has died in a login.
func TestLostToken(t *testing.T) {
	w := world(t)
	c, err := campaign.Begin(t.Context(), w, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	file := tokenFile(t, w.Tokens[0])
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, int64(len(whole)/2)); err != nil {
		t.Fatal(err)
	}
	r, err := c.Inject(t.Context(), campaign.Faults()[0])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Violations, func(v string) bool { return strings.Contains(v, "no process died in C_Login") }) || r.Lost != 0 {
		t.Errorf("got %d lost and %q, want the loss told as wrong", r.Lost, r.Violations)
	}
	if now, err := os.ReadFile(file); err != nil || len(now) != len(whole) {
		t.Errorf("got %d bytes and %v, want the %d of the token put back", len(now), err, len(whole))
	}
	if err := c.End(); err != nil {
		t.Error(err)
	}
}

// tokenFile returns the file in which SoftHSM2 keeps a token's own data.
func tokenFile(t *testing.T, st softtoken.Token) string {
	t.Helper()
	for _, v := range st.Env {
		conf, found := strings.CutPrefix(v, "SOFTHSM2_CONF=")
		if !found {
			continue
		}
		text, err := os.ReadFile(conf)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if dir, found := strings.CutPrefix(line, "directories.tokendir = "); found {
				all, err := filepath.Glob(filepath.Join(strings.TrimSpace(dir), "*", "token.object"))
				if err != nil || len(all) == 0 {
					t.Fatalf("got %q and %v, want the tokens' files", all, err)
				}
				return all[0]
			}
		}
	}
	t.Fatal("the token has no folder")
	return ""
}

func TestHungSlot(t *testing.T) {
	r, err := campaign.Isolate(t.Context(), world(t), 9*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	report(t, "a slot that hangs", r.Violations)
}

func TestWrongPINs(t *testing.T) {
	r, err := campaign.TryPINs(t.Context(), world(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	report(t, "ten wrong PINs", r.Violations)
}

func TestSoak(t *testing.T) {
	seed := campaign.Seed()
	s, err := campaign.RunSoak(t.Context(), world(t), 30*time.Second, seed, func(campaign.Soak) {})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	t.Logf("seed %d\n%s", seed, s.Table())
	for _, r := range s.Report.Results {
		report(t, r.Fault.Name, r.Violations)
	}
	report(t, "soak", s.Found)
}

func report(t *testing.T, what string, violations []string) {
	t.Helper()
	if len(violations) > 0 {
		t.Errorf("%s:\n%s", what, strings.Join(violations, "\n"))
	}
}

// world is a gateway process with fault injection, for one test.
func world(t *testing.T) *campaign.World {
	t.Helper()
	programs := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := lab.Build(ctx, programs); err != nil {
		t.Fatal(err)
	}
	w, err := campaign.New(ctx, campaign.Options{Dir: t.TempDir(), Programs: programs})
	if errors.Is(err, faultp11.ErrMissing) {
		err = softtoken.ErrMissing // no compiler: `make tools` gets it, too
	}
	softtoken.Need(t, err)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}
