package service_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/seal"
	"gatehouse/adapters/sqlstore"
	"gatehouse/app/assembly/service"
	"gatehouse/app/grouping"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// Ten connections with wrong PINs cost exactly ten logins, whatever the traffic,
// and however often the service is restarted.
func TestWrongPINsAreTriedOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	const wrong = 10
	hsm := tokensim.New(tokensim.Options{PIN: secret.FromString("right"), Slot: 7})
	dial := func(ctx context.Context, _ groups.Connection, a slotkeys.Access) (token.Token, error) {
		t, err := hsm.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	ring, err := seal.NewRing(secret.New(make([]byte, seal.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	// start starts a service over the same store; end ends it without farewell.
	start := func() (s *service.Service, end func()) {
		t.Helper()
		st, err := sqlstore.Open(context.WithoutCancel(ctx), sqlstore.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		s, err = service.New(ctx, service.Outside{
			Store: st, Sealer: ring, Dial: dial, RecoverEvery: 10 * time.Millisecond, CompareEvery: 10 * time.Millisecond,
			Slots: slotkeys.Config{ProbeEvery: 10 * time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			_ = st.Close() // first: what it is about to write is lost
			s.Stop()
		}
	}
	const account = id.Account("11111111-1111-4111-8111-111111111111")
	if st, err := sqlstore.Open(context.WithoutCancel(ctx), sqlstore.Options{Path: path}); err != nil {
		t.Fatal(err)
	} else if err := errors.Join(st.AddAccount(ctx, directory.Account{ID: account, Name: "main", Enabled: true}), st.Close()); err != nil {
		t.Fatal(err)
	}
	s, end := start()
	admin := access.Caller{Principal: id.Principal{Kind: id.UserPrincipal, ID: "u"}, Account: account, Role: access.AccountAdmin}
	var all []groups.Group
	for i := range wrong {
		slot := uint(7)
		conns := []grouping.Connection{{Kind: groups.SoftHSM, Address: fmt.Sprintf("hsm%d.example", i), Slot: &slot, PIN: secret.FromString(fmt.Sprintf("wrong %d", i))}}
		if i%2 == 0 { // beside one that works
			conns = append(conns, grouping.Connection{Kind: groups.SoftHSM, Address: "good.example", Slot: &slot, PIN: secret.FromString("right")})
		}
		g, err := s.Grouping.Create(ctx, admin, grouping.NewGroup{Name: fmt.Sprintf("group %d", i), Redundancy: groups.PriorityFailover, Connections: conns})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	app := access.Caller{Principal: id.Principal{Kind: id.AppPrincipal, ID: "a"}, Account: account, Role: access.CryptoApp, Groups: map[id.Group]access.Permissions{}}
	for _, g := range all {
		app.Groups[g.ID] = access.AllPermissions
	}
	for life := range 3 {
		var traffic sync.WaitGroup
		for i, g := range all {
			for client := range 2 {
				traffic.Go(func() {
					for n := range 3 {
						_, err := s.Keyring.Generate(ctx, app, g.ID, keys.Spec{Name: fmt.Sprintf("%d %d %d %d", life, i, client, n), Type: keys.AES, Size: 256, Enabled: true})
						if i%2 == 1 && !errors.Is(err, fault.Unavailable) {
							t.Errorf("a key in a group without a connection that works: got %v, want it not connected", err)
						}
						if i%2 == 0 && err != nil {
							t.Errorf("a key in a group with a connection that works: got %v, want it made", err)
						}
						_, _ = s.Syncing.Sync(ctx, admin, g.ID, nil)
						_, _ = s.Grouping.Statuses(ctx, admin, g.ID)
					}
				})
			}
		}
		traffic.Wait()
		if _, refused := hsm.Logins(); refused != wrong {
			t.Errorf("life %d of the service: got %d logins with wrong PINs, want %d", life+1, refused, wrong)
		}
		for _, g := range all { // known from the beginning of each life
			for _, st := range s.Grouping.State(g) {
				if st.Connection.Address != "good.example:4442" && (st.State != slotkeys.NotConnected || fault.ReasonOf(st.Err) != fault.PINIncorrect) {
					t.Errorf("life %d: got %s, %v; want the PIN incorrect", life+1, st.State, st.Err)
				}
			}
		}
		end()
		s, end = start()
	}
	defer end()
	if _, err := s.Grouping.CheckSaved(ctx, admin, all[1].ID, "", nil); !errors.Is(err, fault.PINIncorrect) {
		t.Errorf("a person's test: got %v, want the PIN refused", err)
	}
	if _, refused := hsm.Logins(); refused != wrong+1 {
		t.Errorf("after a person's test: got %d logins with wrong PINs, want one more", refused)
	}
}
