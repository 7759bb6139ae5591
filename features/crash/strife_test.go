package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// strife is for how long administrators are at odds: a minute, less where tests
// have to end.
func strife() time.Duration {
	if os.Getenv("CI") == "true" || testing.Short() {
		return 12 * time.Second
	}
	return time.Minute
}

// TestTwoAdministratorsAtOdds has two administrators make, rename, permit,
// rotate, destroy, delete and sync the same few keys at once, in an HSM that is
// told of all changes. Each call is carried out or plainly refused, and in the
// end service and token hold the same keys.
func TestTwoAdministratorsAtOdds(t *testing.T) {
	w := newWorld(t)
	apply := true
	var err error
	w.group, err = w.admin.UpdateGroup(t.Context(), w.group.GroupID, dsmwire.GroupRequest{HmgSync: &apply})
	must(t, err)
	w.makeWarm()
	other := w.client(dsmclient.Config{User: w.lab.Service.Email, Password: secret.FromString(w.lab.Service.Password)})
	must(t, other.SelectAccount(t.Context(), w.group.AcctID))

	ctx, stop := context.WithTimeout(t.Context(), strife())
	defer stop()
	var mu sync.Mutex
	done, refused := map[string]int{}, map[string]int{}
	var all sync.WaitGroup
	for n, admin := range []*dsmclient.Client{w.admin, other, w.admin, other} {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(n))) // the same strife each time
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
	t.Logf("done: %v, refused: %v", done, refused)
	for _, what := range []string{"generate", "rename", "permit", "enable", "rotate", "destroy", "delete", "sync"} {
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
	if n := w.agree(); n != 0 {
		t.Errorf("got %d objects half made, though the gateway lived", n)
	}
}

// act does something at random to one of a few keys.
func (w *world) act(ctx context.Context, c *dsmclient.Client, r *rand.Rand) (string, error) {
	name := fmt.Sprintf("key %d", r.IntN(6))
	if what := r.IntN(9); what == 0 {
		_, err := c.Sync(ctx, w.group.GroupID, nil)
		return "sync", err
	} else if what < 3 {
		size := uint32(256)
		_, err := c.Generate(ctx, dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "AES", KeySize: &size})
		return "generate", err
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
