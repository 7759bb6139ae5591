package tokentest

import (
	"bytes"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// everyWay calls each method that takes a reference.
func (s *suite) everyWay(t *testing.T, ref hsm.Ref, check func(t *testing.T, err error)) {
	t.Helper()
	newLabel := []byte("must not be set")
	t.Run("operate", func(t *testing.T) {
		_, err := s.tok.Operate(within(t), ref, operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")})
		check(t, err)
	})
	t.Run("update", func(t *testing.T) { check(t, s.tok.Update(within(t), ref, hsm.Change{Label: &newLabel})) })
	t.Run("destroy", func(t *testing.T) { check(t, s.tok.Destroy(within(t), ref)) })
}

// references: a reference is taken at its word in all its parts, or refused.
func (s *suite) references(t *testing.T) {
	o := s.generateKey(t, s.aes())
	for name, change := range map[string]func(*hsm.Ref){
		"id that nobody has":          func(r *hsm.Ref) { r.ID = s.newID() },
		"id that is a prefix":         func(r *hsm.Ref) { r.ID = r.ID[:len(r.ID)-1] },
		"no id":                       func(r *hsm.Ref) { r.ID = nil },
		"another label":               func(r *hsm.Ref) { r.Label = []byte("another") },
		"label with something behind": func(r *hsm.Ref) { r.Label = append(bytes.Clone(r.Label), ' ') },
		"no label":                    func(r *hsm.Ref) { r.Label = nil },
		"another type":                func(r *hsm.Ref) { r.Type = keys.DES3 },
		"another class":               func(r *hsm.Ref) { r.Class = hsm.PublicKey },
	} {
		t.Run(name, func(t *testing.T) {
			ref := o.Ref()
			ref.Fingerprint = nil
			change(&ref)
			s.everyWay(t, ref, func(t *testing.T, err error) { wantKind(t, err, fault.NotFound) })
		})
	}
	t.Run("another fingerprint", func(t *testing.T) {
		ref := o.Ref()
		if ref.Fingerprint == nil {
			t.Log("the token gives no check value: only pairs can be told apart")
			return
		}
		ref.Fingerprint = flip(ref.Fingerprint)
		s.everyWay(t, ref, func(t *testing.T, err error) { wantKind(t, err, fault.Conflict) })
	})
	t.Run("another fingerprint of a pair", func(t *testing.T) {
		for _, kind := range []string{"RSA 2048", "EC NistP256"} {
			pair := s.pair(t, kind)
			if pair == nil {
				continue
			}
			ref := pair.Ref()
			ref.Fingerprint = flip(ref.Fingerprint)
			sign := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
			if pair.Type == keys.RSA {
				sign.Mode = operations.PKCS1v15
			}
			_, err := s.tok.Operate(within(t), ref, sign)
			wantKind(t, err, fault.Conflict)
			wantKind(t, s.tok.Destroy(within(t), ref), fault.Conflict)
			s.find(t, hsm.PrivateKey, pair.ID)
		}
	})
	t.Run("right or no fingerprint", func(t *testing.T) {
		s.roundTrip(t, o.Ref())
		ref := o.Ref()
		ref.Fingerprint = nil
		s.roundTrip(t, ref)
	})
	t.Run("untouched by all that was refused", func(t *testing.T) {
		if got := s.find(t, hsm.SecretKey, o.ID); !bytes.Equal(got.Label, o.Label) {
			t.Errorf("got label %q, want %q", got.Label, o.Label)
		}
	})
}
