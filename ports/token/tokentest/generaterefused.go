package tokentest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// generateRefused: what is refused leaves nothing behind.
func (s *suite) generateRefused(t *testing.T) {
	t.Run("id taken by a secret key", func(t *testing.T) {
		tpl := s.aes()
		first := s.generateKey(t, tpl)
		wantKind(t, s.justGenerate(t, tpl), fault.Conflict)
		if other := s.kind("HMAC 256"); s.caps.Makes(other.Type, other.Size) {
			other.ID = tpl.ID
			wantKind(t, s.justGenerate(t, other), fault.Conflict)
		}
		if n := len(s.list(t, tpl.ID)); n != 1 {
			t.Errorf("got %d objects with the id, want the first one only", n)
		}
		s.roundTrip(t, first.Ref())
	})
	t.Run("id taken by a pair", func(t *testing.T) {
		o := s.pair(t, "EC NistP256")
		if o == nil {
			return
		}
		tpl := s.kind("EC NistP256")
		tpl.ID = o.ID
		wantKind(t, s.justGenerate(t, tpl), fault.Conflict)
		s.find(t, hsm.PrivateKey, o.ID)
		s.find(t, hsm.PublicKey, o.ID)
	})
	t.Run("without an id", func(t *testing.T) {
		tpl := s.aes()
		tpl.ID = nil
		wantKind(t, s.justGenerate(t, tpl), fault.Invalid)
	})
	for name, change := range map[string]func(*hsm.Template){
		"size that AES does not have": func(tpl *hsm.Template) { tpl.Size = 100 },
		"rsa key beyond all limits": func(tpl *hsm.Template) {
			tpl.Type, tpl.Size, tpl.Ops = keys.RSA, 1<<20, rsaOps
		},
		"curve that nobody holds": func(tpl *hsm.Template) {
			tpl.Type, tpl.Curve, tpl.Size, tpl.Ops = keys.EC, "NistP192", 192, ecOps
		},
		"type that cannot be generated": func(tpl *hsm.Template) { tpl.Type, tpl.Ops = keys.Certificate, 0 },
		"no type":                       func(tpl *hsm.Template) { tpl.Type = "" },
	} {
		t.Run(name, func(t *testing.T) {
			tpl := s.aes()
			change(&tpl)
			wantKind(t, s.justGenerate(t, tpl), fault.Invalid, fault.Unsupported)
			s.wantNone(t, tpl.ID)
		})
	}
}
