package slotkeys_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/seal"
	"gatehouse/adapters/softkeys"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/backend/backendtest"
	portseal "gatehouse/ports/seal"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

const (
	pin   = "4711"
	first = id.Connection("c1111111-1111-4111-8111-111111111111")
	other = id.Connection("c2222222-2222-4222-8222-222222222222")
)

func ring(tb testing.TB) *seal.Ring {
	tb.Helper()
	r, err := seal.NewRing(secret.New(bytes.Repeat([]byte{7}, seal.KeySize)))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// slot is a simulated slot with what the backend needs to reach it.
type slot struct {
	*tokensim.Slot
	refused atomic.Bool // nobody listens at its gateway
}

func newSlot() *slot {
	return &slot{Slot: tokensim.New(tokensim.Options{PIN: secret.FromString(pin), Slot: 1, Label: "sim"})}
}

// dial reaches each connection's slot.
func dial(slots map[id.Connection]*slot) slotkeys.Dial {
	return func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		s := slots[conn.ID]
		if s == nil || s.refused.Load() {
			return nil, fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
		}
		t, err := s.Open(ctx, a.PIN)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

func newBackend(tb testing.TB, slots map[id.Connection]*slot) *slotkeys.Backend {
	tb.Helper()
	b := slotkeys.New(dial(slots), ring(tb), slotkeys.Config{
		Now: time.Now, Shuffle: func(int, func(i, j int)) {}, Normalise: softkeys.Normalise, AsData: softkeys.AsData, OperateWithin: 2 * time.Second,
	})
	tb.Cleanup(b.Close)
	return b
}

func connection(tb testing.TB, c id.Connection, order int32, p string) groups.Connection {
	tb.Helper()
	sealed, err := ring(tb).Seal(portseal.ConnectionPIN, string(c), secret.FromString(p))
	if err != nil {
		tb.Fatal(err)
	}
	return groups.Connection{ID: c, Kind: groups.SoftHSM, Address: "hsm:4442", Slot: 1, PIN: sealed, Order: order}
}

func group(conns ...groups.Connection) groups.Group {
	return groups.Group{
		ID: "22222222-2222-4222-8222-222222222222", Account: "11111111-1111-4111-8111-111111111111",
		Kind: groups.SoftHSM, Redundancy: groups.PriorityFailover, Connections: conns,
	}
}

// changed is a later version of g with these connections.
func changed(g groups.Group, conns ...groups.Connection) groups.Group {
	g.Version++
	g.Connections = conns
	return g
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := newSlot()
	backendtest.Run(t, backendtest.Harness{
		Group:   group(connection(t, first, 0, pin)),
		Virtual: true,
		Open: func(t *testing.T) backend.Backend {
			t.Helper()
			return newBackend(t, map[id.Connection]*slot{first: s})
		},
		Unreachable: func(t *testing.T) backend.Backend {
			t.Helper()
			return newBackend(t, nil)
		},
		Refuses: refuses,
	})
}

// made generates a P-256 key through b.
func made(t *testing.T, b *slotkeys.Backend, g groups.Group) keys.Key {
	t.Helper()
	spec, err := keys.Spec{Name: "signer", Type: keys.EC, Curve: keys.P256, Enabled: true}.CheckGenerate()
	if err != nil {
		t.Fatal(err)
	}
	k := keys.Key{
		ID: "33333333-3333-4333-8333-333333333333", Account: g.Account, Group: g.ID, Name: spec.Name, Type: spec.Type,
		Curve: spec.Curve, Ops: spec.Ops, State: keys.Active, Enabled: true,
	}
	m, err := b.Generate(t.Context(), backend.Order{ID: k.ID, Group: g, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	k.Virtual, k.PublicKey = m.Virtual, m.PublicKey
	return k
}

func sign(t *testing.T, b *slotkeys.Backend, g groups.Group, k keys.Key) error {
	t.Helper()
	return signing(t.Context(), t, b, g, k)
}

func signing(ctx context.Context, t *testing.T, b *slotkeys.Backend, g groups.Group, k keys.Key) error {
	t.Helper()
	caller := access.Caller{Account: g.Account, Role: access.CryptoApp, Groups: map[id.Group]access.Permissions{g.ID: access.AllPermissions}}
	a, err := access.AuthoriseUse(caller, k, operations.Sign{Hash: operations.SHA256, Input: []byte("x")}, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Operate(ctx, g, a)
	return err
}

func TestFailover(t *testing.T) {
	t.Parallel()
	t.Run("the next connection takes over within the request", func(t *testing.T) {
		t.Parallel()
		s := newSlot()
		down := &slot{Slot: s.Slot}
		down.refused.Store(true)
		b := newBackend(t, map[id.Connection]*slot{first: down, other: s})
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		if err := sign(t, b, g, made(t, b, g)); err != nil {
			t.Errorf("got %v, want a signature through the second connection", err)
		}
	})
	t.Run("what is wrong with the request is not tried elsewhere", func(t *testing.T) {
		t.Parallel()
		s, spare := newSlot(), newSlot()
		b := newBackend(t, map[id.Connection]*slot{first: s, other: spare})
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		k := made(t, b, g)
		s.Fail(tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Invalid, "wrong everywhere")})
		if err := sign(t, b, g, k); !errors.Is(err, fault.Invalid) {
			t.Errorf("got %v, want the refusal", err)
		}
		if accepted, _ := spare.Logins(); accepted != 0 {
			t.Errorf("got %d logins at the second HSM, want none", accepted)
		}
	})
	t.Run("a change that may have been done is not done again elsewhere", func(t *testing.T) {
		t.Parallel()
		s, spare := newSlot(), newSlot()
		s.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Err: fault.New(fault.Unavailable, "lost").Because(fault.TokenFailed)})
		b := newBackend(t, map[id.Connection]*slot{first: s, other: spare})
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		o := backend.Order{ID: "33333333-3333-4333-8333-333333333333", Group: g, Spec: keys.Spec{Name: "k", Type: keys.AES, Size: 256, Ops: keys.OpEncrypt}}
		if _, err := b.Generate(t.Context(), o); !errors.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want the failure", err)
		}
		if got := len(spare.Objects()); got != 0 {
			t.Errorf("got %d objects in the second HSM, want none", got)
		}
		found, err := b.Recover(t.Context(), o, false)
		if err != nil || found == nil {
			t.Errorf("got %v and error %v, want the key that was made all the same", found, err)
		}
	})
}

func TestPIN(t *testing.T) {
	t.Parallel()
	s := newSlot()
	b := newBackend(t, map[id.Connection]*slot{first: s})
	wrong := group(connection(t, first, 0, "0000"))
	tried := func() int { _, refused := s.Logins(); return refused }

	for range 5 {
		if _, err := b.Present(t.Context(), wrong, keys.Key{Type: keys.AES, Virtual: &keys.Pointer{ID: []byte{1}}}); !errors.Is(err, fault.PINIncorrect) {
			t.Fatalf("got %v, want a refused PIN", err)
		}
	}
	if got := tried(); got != 1 {
		t.Errorf("got %d tries of a wrong PIN, want one", got)
	}
	if _, err := b.Check(t.Context(), wrong, first); !errors.Is(err, fault.PINIncorrect) {
		t.Errorf("got %v from a test, want a refused PIN", err)
	}
	if got := tried(); got != 2 {
		t.Errorf("got %d tries after a person asked, want one more", got)
	}
	if _, err := b.Check(t.Context(), changed(wrong, connection(t, first, 0, pin)), first); err != nil {
		t.Errorf("got %v after the PIN was corrected, want a connection", err)
	}
}

func TestAmbiguousKeysAreRefused(t *testing.T) {
	t.Parallel()
	b := newBackend(t, map[id.Connection]*slot{first: newSlot()})
	g := group(connection(t, first, 0, pin))
	k := made(t, b, g)
	k.Virtual.Ambiguous = true
	if err := sign(t, b, g, k); !errors.Is(err, fault.Conflict) {
		t.Errorf("got %v, want a refusal: another key might answer", err)
	}
}

// refuses is what the simulated token does not model, and what no HSM does.
var refuses = []string{
	"generate EC SecP256K1", "generate ML*", "import OPAQUE", "import CERTIFICATE",
	"encrypt AES GCM with a tag of 32 bits", "encrypt AES CCM", "mac AES",
	"export *", "encrypt AES GCM in parts",
	"wrap * by AES CCM",
}

func TestRecoverRemovesHalfAKey(t *testing.T) {
	t.Parallel()
	s := newSlot()
	b := newBackend(t, map[id.Connection]*slot{first: s})
	o := backend.Order{
		ID: "33333333-3333-4333-8333-333333333333", Group: group(connection(t, first, 0, pin)),
		Spec: keys.Spec{Name: "cut off", Type: keys.AES, Size: 256, Ops: keys.OpEncrypt},
	}
	half := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: slotkeys.CKAID(o.ID), Label: []byte(o.Spec.Name)}
	if err := s.Add(half, secret.Value{}); err != nil {
		t.Fatal(err)
	}
	found, err := b.Recover(t.Context(), o, false)
	if err != nil || found != nil {
		t.Errorf("got %v and error %v, want no key: it has no value", found, err)
	}
	if left := len(s.Objects()); left != 0 {
		t.Errorf("got %d objects left, want none", left)
	}
}
