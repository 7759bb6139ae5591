package pkcs11_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// TestTogether: operations of many kinds that come at once are each answered as
// if they had come alone, also those after one that is refused.
func TestTogether(t *testing.T) {
	for name, options := range map[string]pkcs11.Options{"keys": {CopyAfter: -1}, "copies": copying} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, options)
			ec := p256
			ec.ID = []byte("pair")
			pair := generate(t, tok, ec)
			secret := generate(t, tok, hsm.Template{Type: keys.AES, Size: 256, ID: []byte("secret"), Ops: keys.OpEncrypt | keys.OpDecrypt})
			sealed, err := tok.Operate(t.Context(), secret.Ref(), operations.Encrypt{Mode: operations.GCM, Plain: []byte("plain"), AD: []byte("more")})
			if err != nil {
				t.Fatal(err)
			}
			empty, err := tok.Operate(t.Context(), secret.Ref(), operations.Encrypt{Mode: operations.GCM})
			if err != nil {
				t.Fatal(err)
			}
			asks := []func(*testing.T){
				func(t *testing.T) { signed(t, tok, pair) },
				func(t *testing.T) {
					opensTo(t, tok, secret, operations.Decrypt{Mode: operations.GCM, Cipher: sealed.Output, IV: sealed.IV, Tag: sealed.Tag, AD: []byte("more")}, "plain")
				},
				func(t *testing.T) {
					opensTo(t, tok, secret, operations.Decrypt{Mode: operations.GCM, Cipher: empty.Output, IV: empty.IV, Tag: empty.Tag}, "")
				},
				func(t *testing.T) {
					op := operations.Decrypt{Mode: operations.GCM, Cipher: sealed.Output, IV: sealed.IV, Tag: sealed.Tag, AD: []byte("less")}
					if _, err := tok.Operate(t.Context(), secret.Ref(), op); !errors.Is(err, fault.Invalid) {
						t.Errorf("a ciphertext with other data: got %v, want invalid", err)
					}
				},
			}
			var callers sync.WaitGroup
			for i := range 24 {
				callers.Go(func() {
					for n := range 40 {
						asks[(i+n)%len(asks)](t)
					}
				})
			}
			callers.Wait()
		})
	}
}

// TestAskedOnce: what comes at once is asked for together, too.
func TestAskedOnce(t *testing.T) {
	s, tok, o := failingWith(t, pkcs11.Options{CopyAfter: -1})
	const callers, each = 16, 50
	before, asked := s.calls(sign), s.calls(getAttributeValue)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				signed(t, tok, o)
			}
		})
	}
	all.Wait()
	before, asked = s.calls(sign)-before, s.calls(getAttributeValue)-asked
	if before != callers*each {
		t.Errorf("got %d signatures made, want %d", before, callers*each)
	}
	if asked > before { // one by one it would be twice as many: the key is asked, and its public half
		t.Errorf("got %d questions for %d signatures, want fewer", asked, before)
	}
}

// TestSessionLostTogether: when a session is lost in the middle of a batch nobody
// is told.
func TestSessionLostTogether(t *testing.T) {
	s, tok, o := failing(t)
	signed(t, tok, o)
	s.tell(sign, fail, 1, raw.CKR_SESSION_HANDLE_INVALID)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 10 {
				signed(t, tok, o)
			}
		})
	}
	callers.Wait()
}

func generate(t *testing.T, tok *pkcs11.Token, tpl hsm.Template) hsm.Object {
	t.Helper()
	o, err := tok.Generate(t.Context(), tpl)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func opensTo(t *testing.T, tok *pkcs11.Token, o hsm.Object, op operations.Decrypt, want string) {
	t.Helper()
	res, err := tok.Operate(t.Context(), o.Ref(), op)
	if err != nil || !bytes.Equal(res.Output, []byte(want)) {
		t.Errorf("got %q and %v, want %q", res.Output, err, want)
	}
}
