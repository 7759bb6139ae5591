package cryptoki_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/simulators/softtoken"
)

// aesKey returns a library with a session of a user and an AES key in it.
func aesKey(t *testing.T) (*cryptoki.Library, cryptoki.Session, cryptoki.Object) {
	t.Helper()
	st, err := softtoken.SoftHSM(t.TempDir(), "batch", "1234")
	softtoken.Need(t, err)
	path, value, _ := strings.Cut(st.Env[0], "=")
	t.Setenv(path, value)
	l, err := cryptoki.Load(st.Lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Destroy)
	if err := l.Initialise(pkcs11.CKF_OS_LOCKING_OK, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Finalize() })
	s, err := l.OpenSession(st.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.LoginUser(cryptoki.Session(s), []byte(st.PIN)); err != nil {
		t.Fatal(err)
	}
	o, err := l.GenerateKey(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte("id")),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, cryptoki.Session(s), cryptoki.Object(o)
}

// TestBatch: each operation gives what it gives alone, up to the first that fails;
// the questions are answered after all; and it can be used again.
func TestBatch(t *testing.T) {
	l, s, key := aesKey(t)
	iv := func(i byte) *cryptoki.Mechanism {
		return &cryptoki.Mechanism{Type: pkcs11.CKM_AES_CBC, P: bytes.Repeat([]byte{i}, 16)}
	}
	id := cryptoki.NewProof([]cryptoki.Attribute{{Type: pkcs11.CKA_ID, Value: []byte("id")}})
	other := cryptoki.NewProof([]cryptoki.Attribute{{Type: pkcs11.CKA_ID, Value: []byte("no")}})
	b := cryptoki.NewBatch()
	for _, c := range []struct {
		name string
		bad  int // the operation that the token refuses: its input is no whole block
	}{{"all", -1}, {"up to the last", 5}, {"none", 0}, {"all again", -1}} {
		t.Run(c.name, func(t *testing.T) {
			defer b.Clear()
			var want [][]byte
			for i := range 6 {
				in := bytes.Repeat([]byte{byte(i)}, 16*(i+1))
				if i == c.bad {
					in = in[1:]
				}
				if !b.Add(cryptoki.Encrypt, key, iv(byte(i)), in, 128, nil) {
					t.Fatal("there is no place")
				}
				if c.bad >= 0 && i >= c.bad {
					continue
				}
				out, _, err := l.Run(cryptoki.Encrypt, s, key, iv(byte(i)), in, make([]byte, 128))
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, out)
			}
			if !b.Ask(key, id) || !b.Ask(key, other) || !b.Ask(key, id) {
				t.Fatal("there is no place for a question")
			}
			done, err := l.RunAll(s, b)
			if done != len(want) || (err != nil) != (c.bad >= 0) {
				t.Fatalf("got %d done and %v, want %d", done, err, len(want))
			}
			for i, out := range b.Outputs(done) {
				if !bytes.Equal(out, want[i]) {
					t.Errorf("operation %d: got %x, want %x", i, out, want[i])
				}
			}
			asked := c.bad < 0
			for i, same := range []bool{asked, false, asked} {
				if b.Same(i) != same {
					t.Errorf("question %d: got %t, want %t", i, b.Same(i), same)
				}
			}
			if c.bad >= 0 { // the operation is over by the refusal, or not: it is no use for the others
				_, _ = l.Encrypt(pkcs11.SessionHandle(s), make([]byte, 16))
			}
		})
	}
}

// TestFullBatch: what there is no place for is not added.
func TestFullBatch(t *testing.T) {
	b, m := cryptoki.NewBatch(), &cryptoki.Mechanism{P: make([]byte, 16)}
	for i := range cryptoki.MaxBatch {
		if !b.Add(cryptoki.Sign, 1, m, make([]byte, 64), 2048, nil) {
			t.Fatalf("got no place for operation %d", i)
		}
	}
	if b.Add(cryptoki.Sign, 1, m, nil, 0, nil) {
		t.Error("got place for one more")
	}
	b.Clear()
	for name, add := range map[string]func() bool{
		"input":     func() bool { return b.Add(cryptoki.Sign, 1, m, make([]byte, 40<<10-15), 0, nil) },
		"output":    func() bool { return b.Add(cryptoki.Sign, 1, m, nil, 40<<10+1, nil) },
		"signature": func() bool { return b.Add(cryptoki.Verify, 1, m, nil, 0, make([]byte, 40<<10+1)) },
	} {
		if add() {
			t.Errorf("%s: got place for a byte too many", name)
		}
	}
	if !b.Add(cryptoki.Verify, 1, m, make([]byte, 40<<10-16), 0, make([]byte, 40<<10)) {
		t.Error("got no place for what fits")
	}
}
