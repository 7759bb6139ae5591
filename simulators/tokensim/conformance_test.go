package tokensim_test

import (
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
	"gatehouse/simulators/tokensim/tokensimtest"
)

func openSlot(t *testing.T, s *tokensim.Slot, pin secret.Value) (token.Token, error) {
	t.Helper()
	tok, err := s.Open(t.Context(), pin)
	if err != nil {
		return nil, err
	}
	return tok, nil
}

func TestConformance(t *testing.T) { tokensimtest.Run(t, openSlot) }

// TestConformanceOfPoorToken runs the suite over a token that can do very
// little, in few sessions, and gives no check values.
func TestConformanceOfPoorToken(t *testing.T) {
	slot := tokensim.New(tokensim.Options{
		PIN: secret.FromString(tokensimtest.PIN), Sessions: 3, NoCheckValues: true,
		Capabilities: &hsm.Capabilities{
			Generate: []hsm.GenerateCapability{{Type: keys.AES, MinBits: 256, MaxBits: 256}, {Type: keys.RSA, MinBits: 2048, MaxBits: 2048}},
			Mechanisms: []hsm.Mechanism{
				{Operation: "encrypt", Type: keys.AES, Mode: operations.CBC},
				{Operation: "decrypt", Type: keys.AES, Mode: operations.CBC},
				{Operation: "sign", Type: keys.RSA, Mode: operations.PKCS1v15, Hash: operations.SHA256},
				{Operation: "verify", Type: keys.RSA, Mode: operations.PKCS1v15, Hash: operations.SHA256},
			},
		},
	})
	h := tokensimtest.Harness(slot, openSlot)
	h.Refuses = []string{
		"generate AES 1*", "generate DES3 *", "generate HMAC *", "generate EC *",
		"encrypt DES3 *", "encrypt AES ECB", "encrypt AES CBCNOPAD", "encrypt AES CTR*", "encrypt AES [GC]CM*", "encrypt RSA *",
		"sign RSA PSS *", "sign RSA PKCS1_V15 SHA[135]*", "sign RSA PKCS1_V15 SHA224*", "mac *",
		"wrap *", "derive *",
	}
	tokentest.Run(t, h)
	tokensimtest.Check(t, slot)
}
