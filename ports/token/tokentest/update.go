package tokentest

import (
	"bytes"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// updates: label and operations change, on both halves, and nothing else does.
func (s *suite) updates(t *testing.T) {
	for _, kind := range []string{"AES 256", "HMAC 256", "EC NistP256"} {
		t.Run("label of "+kind, func(t *testing.T) { s.relabel(t, kind) })
	}
	t.Run("operations of a secret key", func(t *testing.T) {
		tpl := s.aes()
		o := s.generateKey(t, tpl)
		ops := keys.OpDecrypt | keys.OpAppManageable
		err := s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &ops})
		if !s.refusals.works(t, "update operations", err) {
			s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID))
			return
		}
		tpl.Ops = keys.OpDecrypt
		s.compare(t, tpl, s.find(t, hsm.SecretKey, o.ID))
		_, err = s.tok.Operate(within(t), o.Ref(), operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")})
		wantKind(t, err, fault.Denied)
		ops = aesOps
		if err := s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &ops}); err != nil {
			t.Fatalf("giving the operations back: %v", err)
		}
		s.roundTrip(t, o.Ref())
	})
	t.Run("operations of a pair", func(t *testing.T) {
		tpl := s.kind("EC NistP256")
		o, err := s.tok.Generate(within(t), tpl)
		if !s.refusals.works(t, "generate EC NistP256", err) {
			return
		}
		tpl.Ops = keys.OpVerify
		err = s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &tpl.Ops})
		if !s.refusals.works(t, "update operations", err) {
			return
		}
		s.compare(t, tpl, s.find(t, hsm.PrivateKey, o.ID))
		s.compare(t, tpl, s.find(t, hsm.PublicKey, o.ID))
		_, err = s.tok.Operate(within(t), o.Ref(), operations.Sign{Hash: operations.SHA256, Input: []byte("data")})
		wantKind(t, err, fault.Denied)
	})
	t.Run("a key that may do nothing any more", func(t *testing.T) {
		o, err := s.tok.Generate(within(t), s.kind("HMAC 256"))
		if !s.refusals.works(t, "generate HMAC 256", err) {
			return
		}
		var none keys.Ops
		err = s.tok.Update(within(t), o.Ref(), hsm.Change{Ops: &none})
		if !s.refusals.works(t, "update operations", err) {
			return
		}
		if err := s.tok.Destroy(within(t), o.Ref()); err != nil {
			t.Errorf("destroying it by its old reference: %v", err)
		}
		s.wantNone(t, o.ID)
	})
	t.Run("nothing to change", func(t *testing.T) {
		o := s.generateKey(t, s.aes())
		if err := s.tok.Update(within(t), o.Ref(), hsm.Change{}); err != nil {
			t.Error(err)
		}
		wantKind(t, s.tok.Update(within(t), hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: s.newID()}, hsm.Change{}), fault.NotFound)
	})
}

func (s *suite) relabel(t *testing.T, kind string) {
	tpl := s.kind(kind)
	o, err := s.tok.Generate(within(t), tpl)
	if !s.refusals.works(t, "generate "+kind, err) {
		return
	}
	tpl.Label = []byte("umbenannt für später")
	err = s.tok.Update(within(t), o.Ref(), hsm.Change{Label: &tpl.Label})
	if !s.refusals.works(t, "update label", err) {
		return
	}
	now := s.find(t, o.Class, o.ID)
	s.compare(t, tpl, now)
	if o.Class == hsm.PrivateKey {
		s.compare(t, tpl, s.find(t, hsm.PublicKey, o.ID))
	}
	t.Run("old reference is gone", func(t *testing.T) {
		wantKind(t, s.tok.Destroy(within(t), o.Ref()), fault.NotFound)
	})
	t.Run("new reference works", func(t *testing.T) {
		ref := o.Ref()
		ref.Label = tpl.Label
		if kind == "AES 256" {
			s.roundTrip(t, ref)
		}
		empty := []byte{}
		err := s.tok.Update(within(t), ref, hsm.Change{Label: &empty})
		if !s.refusals.works(t, "update label to none", err) {
			if err := s.tok.Destroy(within(t), ref); err != nil {
				t.Errorf("destroying the key that keeps its label: %v", err)
			}
			return
		}
		if got := s.find(t, o.Class, o.ID).Label; !bytes.Equal(got, empty) {
			t.Errorf("got label %q, want none", got)
		}
		ref.Label = nil
		if err := s.tok.Destroy(within(t), ref); err != nil {
			t.Errorf("destroying the key without a label: %v", err)
		}
	})
}
