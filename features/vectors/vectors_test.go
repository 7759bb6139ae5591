package vectors_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/features/stage"
	"gatehouse/features/steps"
	"gatehouse/features/vectors"
	"gatehouse/simulators/softtoken"
)

// folder is where the vectors are: VECTORS, or the selection kept here.
func folder() string {
	if dir := os.Getenv("VECTORS"); dir != "" {
		return dir
	}
	return "testdata"
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("a folder without vectors is an error", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := vectors.Load(dir); !errors.Is(err, vectors.ErrNone) {
			t.Errorf("got %v, want %v", err, vectors.ErrNone)
		}
		if _, err := vectors.Load(filepath.Join(dir, "gone")); err == nil {
			t.Error("got no error for a folder that is not there")
		}
	})
	for name, content := range map[string]string{
		"bad.json":      `{"testGroups":[{"type":"AeadTest","tests":[{"key":"zz"}]}],"algorithm":"AES-GCM"}`,
		"cut.json":      `{"testGroups":[`,
		"KW_AE_128.rsp": "COUNT = 0\nK = 0\nP = 0\nC = 0\n",
		"words.rsp":     "neither\n",
	} {
		t.Run("a damaged file is an error: "+name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if files, err := vectors.Load(dir); err == nil || errors.Is(err, vectors.ErrNone) {
				t.Errorf("got %v and %v, want an error that tells what is wrong", files, err)
			}
		})
	}
	t.Run("what the API has no words for is counted", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		text := `{"algorithm":"ASCON128","testGroups":[{"type":"AeadTest","tests":[{"tcId":1},{"tcId":2}]},{"type":"PrimalityTest","tests":[{"tcId":3}]}]}`
		if err := os.WriteFile(filepath.Join(dir, "ascon.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := vectors.Load(dir)
		if err != nil || len(files) != 1 || len(files[0].Cases) != 0 || len(files[0].Left) != 2 || files[0].Left["the API has no ASCON128"] != 2 {
			t.Errorf("got %+v, error %v", files, err)
		}
	})
}

// TestVectorsSimulated plays them on the service in this process, for an
// ordinary group and a group over a simulated HSM.
func TestVectorsSimulated(t *testing.T) { play(t, stage.Simulated) }

// TestVectorsReal plays them over REST on the programs as they ship, over SoftHSM2.
func TestVectorsReal(t *testing.T) { play(t, stage.Real) }

func play(t *testing.T, setUp func(context.Context, stage.Options) (*stage.Set, error)) {
	t.Helper()
	files, err := vectors.Load(folder())
	if err != nil {
		t.Fatal(err)
	}
	set, err := setUp(t.Context(), stage.Options{Dir: t.TempDir(), Scenarios: 1, Wrap: func(next http.RoundTripper) http.RoundTripper { return next }})
	softtoken.Need(t, err)
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Errorf("ending the stage: %v", err)
		}
	})
	for name, desk := range desks(t, set.Stage) {
		t.Run(name, func(t *testing.T) { table(t, desk, files) })
	}
}

// table plays all files and shows what came of them, by reason.
func table(t *testing.T, desk *vectors.Desk, files []vectors.File) {
	t.Helper()
	results := make([]vectors.Result, len(files))
	var players sync.WaitGroup
	turns := make(chan int)
	atOnce := 4
	if desk.HSM {
		atOnce = 1 // what many do at once to an HSM is the fault campaign's matter
	}
	for range atOnce {
		players.Go(func() {
			for i := range turns {
				var err error
				if results[i], err = desk.Play(t.Context(), files[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range files {
		turns <- i
	}
	close(turns)
	players.Wait()

	agreed, cannot, text := 0, map[string]int{}, &strings.Builder{}
	for _, r := range results {
		agreed += r.Agreed
		for reason, n := range r.Cannot {
			cannot[reason] += n
		}
		for i, d := range r.Differs {
			if i == 10 {
				t.Errorf("%s: %d more", r.Path, len(r.Differs)-i)
				break
			}
			t.Error(d)
		}
		fmt.Fprintf(text, "%6d agree  %s\n", r.Agreed, r.Path)
	}
	for _, reason := range slices.SortedFunc(maps.Keys(cannot), func(a, b string) int { return cannot[b] - cannot[a] }) {
		fmt.Fprintf(text, "%6d not played: %s\n", cannot[reason], reason)
	}
	t.Logf("%d agree\n%s", agreed, text)
	if agreed == 0 {
		t.Error("no vector agrees: nothing was tried")
	}
}

// desks makes an ordinary group and an HSM group, and an app for each.
func desks(t *testing.T, s *steps.Stage) map[string]*vectors.Desk {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	admin, err := dsmclient.New(dsmclient.Config{Endpoint: s.Endpoint, Transport: s.Transport, User: s.Email, Password: s.Password})
	must(err)
	t.Cleanup(admin.Close)
	_, err = admin.Login(ctx)
	must(err)
	accounts, err := admin.Accounts(ctx)
	must(err)
	must(admin.SelectAccount(ctx, accounts[0].AcctID))
	hsm, err := s.NewHSM(ctx)
	must(err)
	yes := true
	all := map[string]*vectors.Desk{}
	for name, r := range map[string]dsmwire.GroupRequest{
		"an ordinary group": {},
		"an hsm group": {HmgSync: &yes, AddHmg: []dsmwire.HmgConfig{{
			Kind: "Softhsm", URL: hsm.Gateway, Slot: &hsm.Slot, PIN: dsmwire.NewSecretText(secret.FromString(hsm.PIN)), TLS: &hsm.TLS,
		}}},
	} {
		r.Name = &name
		group, err := admin.CreateGroup(ctx, r)
		must(err)
		app, err := admin.CreateApp(ctx, dsmwire.AppRequest{Name: &name, DefaultGroup: &group.GroupID, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{
			group.GroupID: {"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "AGREEKEY", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE"},
		}}})
		must(err)
		key, err := admin.AppAPIKey(ctx, app.AppID)
		must(err)
		c, err := dsmclient.New(dsmclient.Config{Endpoint: s.Endpoint, Transport: s.Transport, APIKey: key})
		must(err)
		t.Cleanup(c.Close)
		_, err = c.Login(ctx)
		must(err)
		all[name] = &vectors.Desk{Client: c, Group: group.GroupID, HSM: len(r.AddHmg) > 0}
	}
	return all
}
