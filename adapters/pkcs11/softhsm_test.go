package pkcs11_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/softtoken"
)

// TestKeyBeingMade puts the file of a key into the token of SoftHSM2 that another
// process has begun to write: whoever reads an attribute of it has the defaults of
// all attributes written over it, and the key is lost.
func TestKeyBeingMade(t *testing.T) {
	dir := t.TempDir()
	st, err := softtoken.SoftHSM(dir, "suite", "correct PIN")
	softtoken.Need(t, err)
	st, err = st.CopyLib(filepath.Join(dir, "libsofthsm2.so"))
	softtoken.Need(t, err)
	tokens, err := filepath.Glob(filepath.Join(dir, "tokens", "*", "token.object"))
	if err != nil || len(tokens) != 1 {
		t.Fatalf("found the tokens %q: %v", tokens, err)
	}
	const name = "11111111-2222-3333-4444-555555555555"
	half := filepath.Join(filepath.Dir(tokens[0]), name+".object")
	begun := begunObject()
	if err := os.WriteFile(half, begun, 0o600); err != nil {
		t.Fatal(err)
	}
	tok, err := load(t, st, pkcs11.Options{}).Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	if all := list(t, tok, hsm.Filter{}); len(all) != 1 || !bytes.Equal(all[0].ID, o.ID) {
		t.Errorf("got the objects %v, want the key that is whole", all)
	}
	useAll(t, tok, []hsm.Ref{o.Ref()})
	now, err := os.ReadFile(half)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(now, begun) {
		t.Errorf("the key that is being made was written over: %d bytes were %d", len(now), len(begun))
	}
}

// begunObject is a file of SoftHSM2 with the first attributes of a secret key: its
// generation, then of each attribute number, kind (1 for a boolean, 2 for a number)
// and value.
func begunObject() []byte {
	words := func(ws ...uint64) (b []byte) {
		for _, w := range ws {
			b = binary.BigEndian.AppendUint64(b, w)
		}
		return b
	}
	b := words(2, raw.CKA_CLASS, 2, raw.CKO_SECRET_KEY)
	b = append(append(b, words(raw.CKA_TOKEN, 1)...), 0)
	b = append(append(b, words(raw.CKA_PRIVATE, 1)...), 0)
	return append(b, words(raw.CKA_KEY_TYPE, 2, raw.CKK_AES)...)
}
