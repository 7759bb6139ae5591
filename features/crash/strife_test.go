package crash_test

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// The variables that `make strife` sets: for how long administrators are at
// odds, and what they do is drawn from. Other tests have to end, too.
const (
	strifeVariable = "GATEHOUSE_STRIFE"
	seedVariable   = "GATEHOUSE_STRIFE_SEED"
	shortStrife    = 12 * time.Second
)

func strife(t *testing.T) (long time.Duration, seed uint64) {
	t.Helper()
	long, seed = shortStrife, 1
	var err error
	if v := os.Getenv(strifeVariable); v != "" {
		long, err = time.ParseDuration(v)
		must(t, err)
	}
	if v := os.Getenv(seedVariable); v != "" {
		seed, err = strconv.ParseUint(v, 10, 64)
		must(t, err)
	}
	return long, seed
}

// TestTwoAdministratorsAtOdds has two administrators make, import, rename,
// permit, rotate, destroy, delete and sync the same few keys at once, in an HSM
// that is told of all changes. Each call is carried out or plainly refused, and
// in the end service and token hold the same keys.
func TestTwoAdministratorsAtOdds(t *testing.T) { newWorld(t).atOdds() }

// TestTwoAdministratorsAtOddsSimulated is the same over a simulated HSM, which
// is much quicker and so sees more of it.
func TestTwoAdministratorsAtOddsSimulated(t *testing.T) {
	w, sim := newSimulatedWorld(t)
	w.insert(sim)
	w.connect()
	w.atOdds()
}

func (w *world) atOdds() {
	t := w.t
	t.Helper()
	w.writeBack()
	w.makeWarm()
	other := w.client(dsmclient.Config{User: w.lab.Service.Email, Password: secret.FromString(w.lab.Service.Password)})
	must(t, other.SelectAccount(t.Context(), w.group.AcctID))

	long, seed := strife(t)
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	var mu sync.Mutex
	done, refused := map[string]int{}, map[string]int{}
	var all sync.WaitGroup
	for n, admin := range []*dsmclient.Client{w.admin, other, w.admin, other} {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(n))) // the same strife each time
			for ctx.Err() == nil {
				what, err := w.act(t.Context(), admin, r)
				mu.Lock()
				switch {
				case err == nil:
					done[what]++
				case errors.Is(err, fault.Conflict) || errors.Is(err, fault.NotFound):
					refused[what]++
				default:
					t.Errorf("%s: %v", what, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%s with the seed %d: done %v, refused %v", long, seed, done, refused)
	for _, what := range []string{"generate", "import", "scan", "rename", "permit", "enable", "rotate", "destroy", "delete", "sync"} {
		if done[what] == 0 {
			t.Errorf("nobody has managed to %s", what)
		}
	}

	eventually(t, "service and token agree", w.same)
	w.noIntents()
	eventually(t, "service and token agree in the end", w.same)
	enabled := true
	must(t, w.admin.AllKeys(t.Context(), dsmclient.KeyQuery{GroupID: w.group.GroupID}, func(k dsmwire.Sobject) error {
		_, err := w.admin.UpdateKey(t.Context(), k.KID, dsmwire.SobjectRequest{Enabled: &enabled})
		return err
	}))
	w.whole()
}

// act does something at random to one of a few keys.
func (w *world) act(ctx context.Context, c *dsmclient.Client, r *rand.Rand) (string, error) {
	name := fmt.Sprintf("key %d", r.IntN(6))
	key := dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "AES"}
	switch size := uint32(256); r.IntN(18) {
	case 0, 1:
		_, err := c.Sync(ctx, w.group.GroupID, nil)
		return "sync", err
	case 2:
		_, err := c.StartScan(ctx, w.group.GroupID)
		return "scan", err
	case 3, 4, 5:
		key.KeySize = &size
		_, err := c.Generate(ctx, key)
		return "generate", err
	case 6:
		key.Value = dsmwire.NewSecretBytes(secret.FromString(crand.Text() + "123456"))
		_, err := c.Import(ctx, key)
		return "import", err
	default:
	}
	found, err := c.Keys(ctx, dsmclient.KeyQuery{Name: name, ShowDestroyed: true}) // a destroyed key keeps its name
	if err != nil || len(found) == 0 {
		return "find", err
	}
	k := found[0]
	switch r.IntN(6) {
	case 0:
		to := fmt.Sprintf("key %d", r.IntN(6))
		_, err = c.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{Name: &to})
		return "rename", err
	case 1:
		ops := [][]string{{"ENCRYPT", "DECRYPT", "APPMANAGEABLE"}, {"ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "APPMANAGEABLE"}}[r.IntN(2)]
		_, err = c.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{KeyOps: &ops})
		return "permit", err
	case 2:
		enabled := r.IntN(2) == 0
		_, err = c.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{Enabled: &enabled})
		return "enable", err
	case 3:
		_, err = c.Rekey(ctx, dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &name}})
		return "rotate", err
	case 4:
		return "destroy", c.Destroy(ctx, k.KID)
	default:
		return "delete", c.DeleteKey(ctx, k.KID)
	}
}
