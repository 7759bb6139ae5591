// Package sealtest is the conformance suite of the port seal, and Memory, a
// Sealer without cryptography for tests of what uses the port.
package sealtest

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/seal"
)

// Harness makes the sealers of one implementation.
type Harness struct {
	// New returns a sealer with a master key of its own.
	New func(t *testing.T) seal.Sealer
	// Rotation returns sealers as they are before, during and after the
	// rotation of one master key: the old key alone, both, the new one alone.
	Rotation func(t *testing.T) (before, during, after seal.Sealer)
}

const (
	owner = "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e11"
	other = "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e12"
	pin   = "a marker that must not be seen"
)

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("what is sealed opens", func(t *testing.T) { opens(t, h.New(t)) })
	t.Run("sealing twice differs and shows nothing", func(t *testing.T) { hides(t, h.New(t)) })
	t.Run("another purpose or owner is refused", func(t *testing.T) { binds(t, h.New(t)) })
	t.Run("an empty purpose or owner is refused", func(t *testing.T) { unbound(t, h.New(t)) })
	t.Run("purpose and owner are told apart", func(t *testing.T) { separates(t, h.New(t)) })
	t.Run("damage at any byte is refused", func(t *testing.T) { damage(t, h.New(t)) })
	t.Run("another master key is refused as such", func(t *testing.T) { strangers(t, h.New(t), h.New(t)) })
	t.Run("rotation", func(t *testing.T) { rotation(t, h) })
	t.Run("values belong to the caller", func(t *testing.T) { ownership(t, h.New(t)) })
	t.Run("many callers at once", func(t *testing.T) { concurrent(t, h.New(t)) })
	t.Run("the check tells the right master key", func(t *testing.T) { check(t, h.New(t), h.New(t)) })
}

func mustSeal(t *testing.T, s seal.Sealer, v string) secret.Sealed {
	t.Helper()
	sealed, err := s.Seal(seal.ConnectionPIN, owner, secret.FromString(v))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return sealed
}

func wantOpen(t *testing.T, s seal.Sealer, sealed secret.Sealed, want string) {
	t.Helper()
	v, err := s.Open(seal.ConnectionPIN, owner, sealed)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if got := string(v.Reveal(reveal.Permit{})); got != want {
		t.Errorf("opened %q, want %q", got, want)
	}
}

func wantRefused(t *testing.T, err error, causes ...seal.Cause) {
	t.Helper()
	if fault.KindOf(err) != fault.Internal || err == nil {
		t.Errorf("got error %v, want one of kind Internal", err)
		return
	}
	for _, c := range causes {
		if errors.Is(err, c) {
			return
		}
	}
	t.Errorf("got error %v, want a cause of %v", err, causes)
}

func opens(t *testing.T, s seal.Sealer) {
	for _, v := range []string{pin, "", "\x00", string(bytes.Repeat([]byte{0xa5}, 64*1024))} {
		wantOpen(t, s, mustSeal(t, s, v), v)
	}
}

func hides(t *testing.T, s seal.Sealer) {
	a, b := mustSeal(t, s, pin), mustSeal(t, s, pin)
	if bytes.Equal(a, b) {
		t.Error("sealing the same secret twice gave the same result")
	}
	if bytes.Contains(a, []byte(pin)) {
		t.Error("the sealed secret shows it")
	}
}

func binds(t *testing.T, s seal.Sealer) {
	sealed := mustSeal(t, s, pin)
	_, err := s.Open(seal.KeyMaterial, owner, sealed)
	wantRefused(t, err, seal.Damaged)
	_, err = s.Open(seal.ConnectionPIN, other, sealed)
	wantRefused(t, err, seal.Damaged)
	_, _, err = s.Reseal(seal.ConnectionPIN, other, sealed)
	wantRefused(t, err, seal.Damaged)
}

func unbound(t *testing.T, s seal.Sealer) {
	_, err := s.Seal("", owner, secret.FromString(pin))
	wantRefused(t, err, seal.Unbound)
	_, err = s.Seal(seal.ConnectionPIN, "", secret.FromString(pin))
	wantRefused(t, err, seal.Unbound)
}

func separates(t *testing.T, s seal.Sealer) {
	sealed, err := s.Seal("ab", "c", secret.FromString(pin))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	_, err = s.Open("a", "bc", sealed)
	wantRefused(t, err, seal.Damaged)
}

func damage(t *testing.T, s seal.Sealer) {
	sealed := mustSeal(t, s, pin)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x01
		_, err := s.Open(seal.ConnectionPIN, owner, bad)
		wantRefused(t, err, seal.Damaged, seal.UnknownMaster)
	}
	for n := range sealed {
		_, err := s.Open(seal.ConnectionPIN, owner, sealed[:n])
		wantRefused(t, err, seal.Damaged, seal.UnknownMaster)
	}
	_, err := s.Open(seal.ConnectionPIN, owner, append(bytes.Clone(sealed), 0))
	wantRefused(t, err, seal.Damaged)
	_, err = s.Open(seal.ConnectionPIN, owner, nil)
	wantRefused(t, err, seal.Damaged)
}

func strangers(t *testing.T, a, b seal.Sealer) {
	sealed := mustSeal(t, a, pin)
	_, err := b.Open(seal.ConnectionPIN, owner, sealed)
	wantRefused(t, err, seal.UnknownMaster)
	_, _, err = b.Reseal(seal.ConnectionPIN, owner, sealed)
	wantRefused(t, err, seal.UnknownMaster)
}

func rotation(t *testing.T, h Harness) {
	before, during, after := h.Rotation(t)
	old := mustSeal(t, before, pin)
	wantOpen(t, during, old, pin)

	fresh, changed, err := during.Reseal(seal.ConnectionPIN, owner, old)
	if err != nil || !changed {
		t.Fatalf("first Reseal: changed %v, error %v; want a change", changed, err)
	}
	again, changed, err := during.Reseal(seal.ConnectionPIN, owner, fresh)
	if err != nil || changed {
		t.Fatalf("second Reseal: changed %v, error %v; want none", changed, err)
	}
	if diff := cmp.Diff([]byte(fresh), []byte(again)); diff != "" {
		t.Errorf("second Reseal changed the value (-first +second):\n%s", diff)
	}
	wantOpen(t, after, fresh, pin)
	wantOpen(t, after, mustSeal(t, during, pin), pin)
	_, err = after.Open(seal.ConnectionPIN, owner, old)
	wantRefused(t, err, seal.UnknownMaster)
	_, err = before.Open(seal.ConnectionPIN, owner, fresh)
	wantRefused(t, err, seal.UnknownMaster)
}

func ownership(t *testing.T, s seal.Sealer) {
	v := secret.FromString(pin)
	sealed, err := s.Seal(seal.ConnectionPIN, owner, v)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	v.Wipe()
	opened, err := s.Open(seal.ConnectionPIN, owner, sealed)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	opened.Wipe()
	wantOpen(t, s, sealed, pin)
}

func concurrent(t *testing.T, s seal.Sealer) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				sealed, err := s.Seal(seal.ConnectionPIN, owner, secret.FromString(pin))
				if err != nil {
					t.Errorf("Seal: %v", err)
					return
				}
				v, err := s.Open(seal.ConnectionPIN, owner, sealed)
				if err != nil || !v.Equal(secret.FromString(pin)) {
					t.Errorf("Open: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func check(t *testing.T, right, wrong seal.Sealer) {
	kept, err := seal.NewCheck(right, "store")
	if err != nil {
		t.Fatalf("NewCheck: %v", err)
	}
	if err := seal.Check(right, "store", kept); err != nil {
		t.Errorf("Check with the right master key: %v", err)
	}
	wantRefused(t, seal.Check(wrong, "store", kept), seal.UnknownMaster)
	wantRefused(t, seal.Check(right, "another store", kept), seal.Damaged)
	wantRefused(t, seal.Check(right, "store", nil), seal.Damaged)
	forged, err := right.Seal(seal.MasterCheck, "store", secret.FromString("something else"))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	wantRefused(t, seal.Check(right, "store", forged), seal.Damaged)
}
