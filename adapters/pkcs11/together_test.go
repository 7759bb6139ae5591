package pkcs11_test

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
			var turn atomic.Int64
			atTheSameTime(24, func() {
				for range 40 {
					asks[turn.Add(1)%int64(len(asks))](t)
				}
			})
		})
	}
}

// TestAskedOnce: of operations that come at once the key is asked for once. One by
// one it would be asked twice for each: the key, and its public half.
func TestAskedOnce(t *testing.T) {
	s, tok, o := failingWith(t, pkcs11.Options{CopyAfter: -1})
	var made, asked uint64
	for range 50 { // a machine that is busy may take long for each, so that it is done alone
		made, asked = s.calls(sign), s.calls(getAttributeValue)
		atTheSameTime(16, func() {
			for range 10 {
				signed(t, tok, o)
			}
		})
		made, asked = s.calls(sign)-made, s.calls(getAttributeValue)-asked
		if made != 160 {
			t.Fatalf("got %d signatures made, want 160", made)
		}
		if asked < made {
			return
		}
	}
	t.Errorf("got %d questions for %d signatures, want fewer", asked, made)
}

// TestSessionLostTogether: when sessions are lost while operations are done together
// nobody is told. The next one is lost when whoever was concerned has been served: an
// operation that loses two asks for a new login, and others are refused meanwhile.
func TestSessionLostTogether(t *testing.T) {
	s, tok, o := failing(t)
	signed(t, tok, o)
	var ended atomic.Bool
	var loser sync.WaitGroup
	var lost atomic.Int64
	loser.Go(func() {
		for next := s.calls(sign); !ended.Load(); runtime.Gosched() {
			if s.calls(sign) >= next {
				s.tell(sign, fail, 1, raw.CKR_SESSION_HANDLE_INVALID)
				next = s.calls(sign) + 40
				lost.Add(1)
			}
		}
	})
	begun := time.Now()
	atTheSameTime(16, func() { // on a busy machine until the loser has had its turns
		for n := 0; n < 30 || lost.Load() < 10 && time.Since(begun) < 20*time.Second; n++ {
			signed(t, tok, o)
		}
	})
	ended.Store(true)
	loser.Wait()
	if n := lost.Load(); n < 10 {
		t.Errorf("got %d sessions lost, want 10 at least", n)
	}
}

// TestShuffledTogether: handles that change their meaning in the middle of a batch
// let no result of another key out.
func TestShuffledTogether(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{CopyAfter: -1})
	first, second := twoOf(t, tok, p256)
	signed(t, tok, first)
	signed(t, tok, second)
	a, b := handleOf(t, s, hsm.PrivateKey, first.ID), handleOf(t, s, hsm.PrivateKey, second.ID)
	for range 20 {
		s.swapFrom(a, b, signInit, false)
		atTheSameTime(8, func() {
			signed(t, tok, first)
			signed(t, tok, second)
		})
		s.swap(0, 0, 0)
		atTheSameTime(8, func() { signed(t, tok, first) })
	}
}

func atTheSameTime(callers int, do func()) {
	var all sync.WaitGroup
	for range callers {
		all.Go(do)
	}
	all.Wait()
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
