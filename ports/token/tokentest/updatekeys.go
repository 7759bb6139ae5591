package tokentest

import (
	"bytes"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// tightened: what a key may do to other keys changes like the rest, and whether
// it may leave the token only ever changes to no.
func (s *suite) tightened(t *testing.T) {
	t.Run("wrapping, unwrapping and deriving", func(t *testing.T) {
		tpl := s.withOps("AES 256", aesOps|wrapOps|deriveOps)
		o := s.generateKey(t, tpl)
		for _, ops := range []keys.Ops{keys.OpWrap | keys.OpDerive, keys.OpUnwrap | keys.OpEncrypt} {
			if !s.refusals.works(t, "update operations", s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &ops})) {
				return
			}
			tpl.Ops = ops
			s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID))
		}
	})
	t.Run("extractable", func(t *testing.T) {
		tpl := s.aes()
		tpl.Extractable = true
		o := s.generateKey(t, tpl)
		if !s.refusals.works(t, "update operations", s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &tpl.Ops})) {
			return
		}
		s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID)) // permissions do not touch it
		tpl.Extractable = false
		for range 2 { // less, and not less than that
			if err := s.tok.Update(within(t), o.Ref(), hsm.Change{Unextractable: true}); err != nil {
				t.Fatal(err)
			}
			s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID))
		}
		ops := tpl.Ops | keys.OpExport
		if err := s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &ops}); err != nil {
			t.Fatal(err)
		}
		s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID))
		s.roundTrip(t, o.Ref())
	})
	t.Run("extractable of a pair", func(t *testing.T) {
		tpl := s.kind("EC NistP256")
		tpl.Extractable = true
		o, err := s.tok.Generate(within(t), tpl)
		if !s.refusals.works(t, "generate EC NistP256", err) {
			return
		}
		tpl.Extractable = false
		if s.refusals.works(t, "update operations", s.tok.Update(within(t), o.Ref(), hsm.Change{Unextractable: true})) {
			s.compare(t, tpl, s.find(t, hsm.PrivateKey, o.ID))
		}
	})
}

// removals: the private half goes, the public one stays and works.
func (s *suite) removals(t *testing.T) {
	gone := hsm.Change{RemovePrivate: true}
	for _, kind := range []string{"EC NistP256", "RSA 2048"} {
		t.Run("private half of "+kind, func(t *testing.T) {
			tpl := s.kind(kind)
			o := s.importKnown(t, tpl)
			if o == nil {
				return
			}
			before := s.find(t, hsm.PublicKey, tpl.ID)
			newLabel := []byte("public only " + kind)
			if err := s.tok.Update(within(t), o.object.Ref(), hsm.Change{RemovePrivate: true, Label: &newLabel}); err != nil {
				t.Fatal(err)
			}
			tpl.Label = newLabel
			left := s.list(t, tpl.ID)
			if len(left) != 1 || left[0].Class != hsm.PublicKey || !bytes.Equal(left[0].PublicKey, before.PublicKey) {
				t.Fatalf("%d objects are left, want the public half alone", len(left))
			}
			s.compare(t, tpl, left[0])
			verify := operations.Verify{Hash: operations.SHA256, Input: []byte("data"), Signature: random(70)}
			if tpl.Type == keys.RSA {
				verify.Mode = operations.PKCS1v15
			}
			if s.does(verify, tpl.Type) && s.operate(t, left[0].Ref(), verify).Valid {
				t.Error("random bytes verify")
			}
			wantKind(t, s.tok.Update(within(t), o.object.Ref(), gone), fault.NotFound)
			wantKind(t, s.tok.Update(within(t), left[0].Ref(), gone), fault.Invalid)
		})
	}
	t.Run("of a secret key", func(t *testing.T) {
		o := s.generateKey(t, s.aes())
		wantKind(t, s.tok.Update(within(t), o.Ref(), gone), fault.Invalid)
		s.roundTrip(t, o.Ref())
	})
	t.Run("without a public half", func(t *testing.T) {
		if s.h.Foreign == nil {
			return
		}
		s.needHalves(t)
		id, k := s.newID(), pkcs8(t, ecKey(t, goCurve(keys.P256)))
		s.h.Foreign.Create(t, ForeignObject{
			Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: label(id), Ops: keys.OpSign, Value: k,
		})
		o := s.find(t, hsm.PrivateKey, id)
		wantKind(t, s.tok.Update(within(t), o.Ref(), gone), fault.BadState)
		s.find(t, hsm.PrivateKey, id)
	})
}
