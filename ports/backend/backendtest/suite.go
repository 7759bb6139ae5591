package backendtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// patience is how long the suite waits for what should take a moment, and for
// making an RSA key under the race detector.
const patience = 60 * time.Second

// now is when all operations of the suite happen.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type suite struct {
	h        Harness
	b        backend.Backend
	refusals *refusals
	kept     map[string]*keys.Key // keys that several cases use, by kind
	fixed    fixtures
}

func newSuite(t *testing.T, h Harness) *suite {
	t.Helper()
	return &suite{
		h: h, b: h.Open(t), refusals: &refusals{patterns: h.Refuses, met: map[string]bool{}},
		kept: map[string]*keys.Key{}, fixed: newFixtures(t),
	}
}

// within returns a context that ends with the test, or when patience does.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newID() id.Key {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	h := hex.EncodeToString(b)
	return id.Key(fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:]))
}

// order returns a checked order for a new key of its own id and name.
func (s *suite) order(t *testing.T, spec keys.Spec, material int) backend.Order {
	t.Helper()
	kid := newID()
	spec.Name, spec.Enabled = "key "+string(kid), true
	check := spec.CheckGenerate
	if material != 0 {
		check = func() (keys.Spec, error) { return spec.CheckImport(material) }
	}
	checked, err := check()
	if err != nil {
		t.Fatalf("the suite's own order is refused: %v", err)
	}
	return backend.Order{ID: kid, Group: s.h.Group, Spec: checked}
}

// record is what a caller keeps of a key that was made.
func (s *suite) record(o backend.Order, m backend.Made) keys.Key {
	ops := o.Spec.Ops
	if ops == 0 {
		ops = keys.DefaultOps(o.Spec.Type, m.Curve)
	}
	return keys.Key{
		ID: o.ID, Account: s.h.Group.Account, Group: s.h.Group.ID, Name: o.Spec.Name,
		Type: o.Spec.Type, Size: m.Size, Curve: m.Curve, ParamSet: m.ParamSet, Ops: ops, State: keys.Active, Enabled: true,
		PublicOnly: m.Public, PublicKey: m.PublicKey, KCV: m.KCV, KCVCMAC: m.KCVCMAC, RSA: o.Spec.RSA, CreatedAt: now,
		Virtual: m.Virtual, Material: m.Material,
	}
}

// generate makes a key and returns its record; nil when the backend rightly refuses.
func (s *suite) generate(t *testing.T, spec keys.Spec) *keys.Key {
	t.Helper()
	o := s.order(t, spec, 0)
	m, err := s.b.Generate(within(t), o)
	if !s.refusals.works(t, "generate "+kindOf(spec), err) {
		s.wantNothing(t, o)
		return nil
	}
	k := s.record(o, m)
	s.wantMade(t, o.Spec, k)
	return &k
}

// take imports material and returns the key's record; nil when the backend rightly refuses.
func (s *suite) take(t *testing.T, name string, spec keys.Spec, material []byte) *keys.Key {
	t.Helper()
	o := s.order(t, spec, len(material))
	m, err := s.b.Import(within(t), o, secret.New(append([]byte(nil), material...)))
	if !s.refusals.works(t, "import "+name, err) {
		s.wantNothing(t, o)
		return nil
	}
	k := s.record(o, m)
	s.wantMade(t, o.Spec, k)
	return &k
}

// wantMade checks what every backend tells of a new key.
func (s *suite) wantMade(t *testing.T, spec keys.Spec, k keys.Key) {
	t.Helper()
	if spec.Size != 0 && k.Size != spec.Size {
		t.Errorf("key has %d bits, want %d", k.Size, spec.Size)
	}
	if spec.Type == keys.EC && (k.Curve == "" || spec.Curve != "" && k.Curve != spec.Curve) {
		t.Errorf("key is on curve %q, want %q", k.Curve, spec.Curve)
	}
	if len(keys.ParamSets(spec.Type)) != 0 && (k.ParamSet == "" || spec.ParamSet != "" && k.ParamSet != spec.ParamSet) {
		t.Errorf("key has the parameters %q, want %q", k.ParamSet, spec.ParamSet)
	}
	if got := len(k.PublicKey) != 0; got != spec.Type.Asymmetric() {
		t.Errorf("key has a public half: %v, want %v", got, spec.Type.Asymmetric())
	}
	if (k.Virtual != nil) != s.h.Virtual || k.Material.Empty() != s.h.Virtual {
		t.Errorf("key has a pointer: %v, material: %v; want it virtual: %v", k.Virtual != nil, !k.Material.Empty(), s.h.Virtual)
	}
	if k.Virtual != nil && !k.Virtual.Own {
		t.Error("a key that was made here is not the group's own")
	}
	if present, err := s.b.Present(within(t), s.h.Group, k); err != nil || !present {
		t.Errorf("Present of a new key: %v, error %v", present, err)
	}
}

// wantNothing checks that an order that failed left nothing behind.
func (s *suite) wantNothing(t *testing.T, o backend.Order) {
	t.Helper()
	if m, err := s.b.Recover(within(t), o, true); err != nil || m != nil {
		t.Errorf("after a failed order Recover found %+v, error %v; want nothing", m, err)
	}
}

// once makes what is named at the first call and returns it at every one.
func (s *suite) once(name string, make func() *keys.Key) *keys.Key {
	if _, done := s.kept[name]; !done {
		s.kept[name] = make()
	}
	return s.kept[name]
}

// allow has policy authorise op.
func (s *suite) allow(t *testing.T, k keys.Key, op operations.Operation) *access.Authorised {
	t.Helper()
	if e, ok := op.(operations.Encrypt); ok && e.Mode == operations.ECB { // which a policy has to name
		k.Cipher.Mode = string(e.Mode)
	}
	c := access.Caller{
		Principal: id.Principal{Kind: id.AppPrincipal, ID: "app"}, Account: k.Account, Role: access.CryptoApp,
		Groups: map[id.Group]access.Permissions{k.Group: access.AllPermissions},
	}
	a, err := access.AuthoriseUse(c, k, op, now)
	if err != nil {
		t.Fatalf("the suite's own %s is refused: %v", operations.Name(op), err)
	}
	return a
}

// try does op.
func (s *suite) try(t *testing.T, k keys.Key, op operations.Operation) (operations.Result, error) {
	t.Helper()
	return s.b.Operate(within(t), s.h.Group, s.allow(t, k, op))
}

// do does op and fails the test when that fails.
func (s *suite) do(t *testing.T, k keys.Key, op operations.Operation) operations.Result {
	t.Helper()
	res, err := s.try(t, k, op)
	if err != nil {
		t.Fatalf("%s with a %s key: %v", operations.Name(op), k.Type, err)
	}
	return res
}

// wantKind fails when err is not of one of the kinds.
func wantKind(t *testing.T, err error, want ...fault.Kind) {
	t.Helper()
	for _, k := range want {
		if err != nil && fault.KindOf(err) == k {
			return
		}
	}
	t.Errorf("got error %v of kind %q, want one of %q", err, fault.KindOf(err), want)
}

// wantEnded fails unless err is Unavailable for the end of a context.
func wantEnded(t *testing.T, err error) {
	t.Helper()
	wantKind(t, err, fault.Unavailable)
	if !errors.Is(err, fault.TimedOut) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want it to tell that the context ended", err)
	}
}
