package tokentest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// destroys: both halves go, nothing else does, and the second call says so.
func (s *suite) destroys(t *testing.T) {
	for _, kind := range []string{"AES 256", "HMAC 256", "EC NistP256"} {
		t.Run(kind, func(t *testing.T) {
			stays := s.generateKey(t, s.aes())
			tpl := s.kind(kind)
			o, err := s.tok.Generate(within(t), tpl)
			if !s.refusals.works(t, "generate "+kind, err) {
				return
			}
			if err := s.tok.Destroy(within(t), o.Ref()); err != nil {
				t.Fatal(err)
			}
			s.wantNone(t, o.ID)
			wantKind(t, s.tok.Destroy(within(t), o.Ref()), fault.NotFound)
			_, err = s.tok.Operate(within(t), o.Ref(), someUse(o.Type))
			wantKind(t, err, fault.NotFound)
			s.roundTrip(t, stays.Ref())
			if _, err := s.tok.Generate(within(t), tpl); err != nil {
				t.Errorf("the id is not free again: %v", err)
			}
		})
	}
}

// someUse returns an operation for keys of type t that the suite makes.
func someUse(t keys.Type) operations.Operation {
	switch t {
	case keys.HMAC:
		return operations.MAC{Hash: operations.SHA256, Data: []byte("data")}
	case keys.EC:
		return operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
	case keys.RSA:
		return operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: []byte("data")}
	default:
		return operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")}
	}
}
