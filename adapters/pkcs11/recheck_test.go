package pkcs11_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// twoOf makes two keys of a kind.
func twoOf(t *testing.T, tok *pkcs11.Token, tpl hsm.Template) (first, second hsm.Object) {
	t.Helper()
	make := func(name string) hsm.Object {
		tpl.ID, tpl.Label = []byte(name), []byte(name)
		o, err := tok.Generate(t.Context(), tpl)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	return make("first"), make("second")
}

// handleOf returns the handle of an object.
func handleOf(t *testing.T, s *shim, class hsm.Class, id []byte) (h raw.ObjectHandle) {
	t.Helper()
	inSession(t, s.Token, func(c *raw.Ctx, session raw.SessionHandle) {
		if err := c.FindObjectsInit(session, []*raw.Attribute{raw.NewAttribute(raw.CKA_CLASS, classNumbers[class]), raw.NewAttribute(raw.CKA_ID, id)}); err != nil {
			t.Fatal(err)
		}
		found, _, err := c.FindObjects(session, 2)
		if err != nil || len(found) != 1 {
			t.Fatalf("got %d objects and %v, want one", len(found), err)
		}
		if err := c.FindObjectsFinal(session); err != nil {
			t.Fatal(err)
		}
		h = found[0]
	})
	return h
}

var (
	p256 = hsm.Template{Type: keys.EC, Curve: keys.P256, Size: 256, Ops: keys.OpSign | keys.OpVerify}
	rsa2 = hsm.Template{Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify}
)

// wantByKey fails unless a signature is the key's, checked here.
func wantByKey(t *testing.T, o hsm.Object, op operations.Sign, sig []byte) {
	t.Helper()
	if !verifies(t, o.PublicKey, op, sig) {
		t.Error("the signature is not by the key that was asked for")
	}
}

// TestShuffledHandles: the library gives objects each other's handles, and says
// nothing. No result of another key is given out, nothing is refused, and no
// other key is changed.
func TestShuffledHandles(t *testing.T) {
	for _, class := range []hsm.Class{hsm.PrivateKey, hsm.PublicKey} {
		for name, tpl := range map[string]hsm.Template{"EC": p256, "RSA": rsa2} {
			t.Run(name+" "+string(class), func(t *testing.T) {
				s := newShim(t)
				tok := open(t, s, pkcs11.Options{})
				first, second := twoOf(t, tok, tpl)
				op := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
				if tpl.Type == keys.RSA {
					op.Mode = operations.PKCS1v15
				}
				a, b := handleOf(t, s, class, first.ID), handleOf(t, s, class, second.ID)
				for range 4 {
					for _, o := range []hsm.Object{first, second} {
						res, err := tok.Operate(t.Context(), o.Ref(), op)
						if err != nil {
							t.Fatal(err)
						}
						wantByKey(t, o, op, res.Output)
						v := operations.Verify{Hash: op.Hash, Mode: op.Mode, Input: op.Input, Signature: res.Output}
						if res, err = tok.Operate(t.Context(), o.Ref(), v); err != nil || !res.Valid {
							t.Errorf("got %+v and %v, want a valid signature", res, err)
						}
					}
					s.swap(a, b, 0)
					a, b = b, a
					if a < b { // swapped twice is not at all
						s.swap(0, 0, 0)
					}
				}
			})
		}
	}
}

// TestShufflesUnderLoad: handles change their meaning while many operate at once,
// and wait for each other's questions.
func TestShufflesUnderLoad(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	first, second := twoOf(t, tok, p256)
	pair := []hsm.Object{first, second}
	a, b := handleOf(t, s, hsm.PrivateKey, first.ID), handleOf(t, s, hsm.PrivateKey, second.ID)
	var (
		all  sync.WaitGroup
		done [8]atomic.Uint64
		stop = make(chan struct{})
	)
	for i := range done {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				o := pair[i%2]
				res, err := tok.Operate(t.Context(), o.Ref(), signData)
				if err != nil {
					t.Error(err)
				} else {
					wantByKey(t, o, signData, res.Output)
				}
				done[i].Add(1)
			}
		})
	}
	for round := range 20 {
		// No handle gets its meaning back before everybody has noticed.
		var before [len(done)]uint64
		for i := range done {
			before[i] = done[i].Load()
		}
		if round%2 == 0 {
			s.swap(a, b, 0)
		} else {
			s.swap(0, 0, 0)
		}
		wantSoon(t, func() error {
			for i := range done {
				if done[i].Load() < before[i]+3 {
					return errors.New("not everybody has noticed")
				}
			}
			return nil
		})
	}
	close(stop)
	all.Wait()
}

// TestShuffledSecretKeys: a ciphertext under another key would be lost for ever.
func TestShuffledSecretKeys(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	first, second := twoOf(t, tok, aesKey)
	a, b := handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID)
	plain := []byte("plain")
	encryptOp := operations.Encrypt{Mode: operations.GCM, Plain: plain}
	useAll(t, tok, []hsm.Ref{first.Ref(), second.Ref()})
	s.swap(a, b, 0)
	e, err := tok.Operate(t.Context(), first.Ref(), encryptOp)
	if err != nil {
		t.Fatal(err)
	}
	s.swap(0, 0, 0)
	d, err := tok.Operate(t.Context(), first.Ref(), operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag})
	if err != nil || !bytes.Equal(d.Output, plain) {
		t.Errorf("got %q and %v, want what was encrypted", d.Output, err)
	}
	// A right ciphertext is not refused because the handle is another key's.
	s.swap(a, b, 0)
	d, err = tok.Operate(t.Context(), first.Ref(), operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag})
	if err != nil || !bytes.Equal(d.Output, plain) {
		t.Errorf("got %q and %v, want what was encrypted", d.Output, err)
	}
}

// TestShuffledChanges: what is changed or destroyed is what was meant.
func TestShuffledChanges(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	first, second := twoOf(t, tok, aesKey)
	a, b := handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID)
	useAll(t, tok, []hsm.Ref{first.Ref(), second.Ref()})
	s.swap(a, b, 0)
	renamed := []byte("renamed")
	if err := tok.Update(t.Context(), first.Ref(), hsm.Change{Label: &renamed}); err != nil {
		t.Fatal(err)
	}
	s.swap(0, 0, 0)
	first.Label = renamed
	useAll(t, tok, []hsm.Ref{first.Ref(), second.Ref()})
	s.swap(a, b, 0)
	if err := tok.Destroy(t.Context(), first.Ref()); err != nil {
		t.Fatal(err)
	}
	s.swap(0, 0, 0)
	useAll(t, tok, []hsm.Ref{second.Ref()})
	if left := list(t, tok, hsm.Filter{ID: first.ID}); len(left) != 0 {
		t.Errorf("%d objects of the destroyed key are left", len(left))
	}
}

// TestShuffledBeforeAChange: between the search and the change.
func TestShuffledBeforeAChange(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	first, second := twoOf(t, tok, aesKey)
	// Reading alone is confused: what is found is never what would be destroyed.
	s.swap(handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID), getAttributeValue)
	if err := tok.Destroy(t.Context(), first.Ref()); err == nil {
		t.Error("got no error, want it to be noticed")
	}
	s.swap(0, 0, 0)
	useAll(t, tok, []hsm.Ref{first.Ref(), second.Ref()})
}

// TestShuffledDuringAChange: the handle means another key for the moment of the
// change alone. It cannot be prevented; it must not be told as done.
func TestShuffledDuringAChange(t *testing.T) {
	renamed, noOps := []byte("renamed"), keys.OpEncrypt
	for name, c := range map[string]struct {
		function int
		do       func(*pkcs11.Token, hsm.Ref) error
	}{
		"rename": {setAttributeValue, func(tok *pkcs11.Token, r hsm.Ref) error {
			return tok.Update(t.Context(), r, hsm.Change{Label: &renamed})
		}},
		"permissions": {setAttributeValue, func(tok *pkcs11.Token, r hsm.Ref) error { return tok.Update(t.Context(), r, hsm.Change{Ops: &noOps}) }},
		"destroy":     {destroyObject, func(tok *pkcs11.Token, r hsm.Ref) error { return tok.Destroy(t.Context(), r) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			first, second := twoOf(t, tok, aesKey)
			s.swap(handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID), c.function)
			if err := c.do(tok, first.Ref()); !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) {
				t.Errorf("got %v, want it to be noticed, and not told as done or untried", err)
			}
		})
	}
}

// TestFailedGenerateAfterAShuffle: what is removed again is what was made.
func TestFailedGenerateAfterAShuffle(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	first, second := twoOf(t, tok, aesKey)
	s.swap(handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID)+1, 0) // the next object's
	third := aesKey
	third.ID = []byte("third")
	_, _ = tok.Generate(t.Context(), third)
	s.swap(0, 0, 0)
	useAll(t, tok, []hsm.Ref{first.Ref(), second.Ref()})
}

// TestShuffledNewPair: a new pair is not told with the public key of another one.
func TestShuffledNewPair(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	generate := func(id string) (hsm.Object, error) {
		tpl := p256
		tpl.ID = []byte(id)
		return tok.Generate(t.Context(), tpl)
	}
	var objects [2]hsm.Object
	var publics [2]raw.ObjectHandle
	for i, id := range []string{"first", "second"} {
		var err error
		if objects[i], err = generate(id); err != nil {
			t.Fatal(err)
		}
		publics[i] = handleOf(t, s, hsm.PublicKey, objects[i].ID)
	}
	s.swap(publics[0], publics[1]+(publics[1]-publics[0]), getAttributeValue) // and the next one's
	o, err := generate("third")
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("got a key and %v, with the first one's public key: %t; want it to be noticed", err, bytes.Equal(o.PublicKey, objects[0].PublicKey))
	}
	s.swap(0, 0, 0)
	for _, o := range objects {
		wantWorking(t, tok, o.Ref())
	}
}

// TestRecheckLevels: a handle that means another key during the operation alone
// is seen by its result, and by nothing else.
func TestRecheckLevels(t *testing.T) {
	for _, c := range []struct {
		level pkcs11.Recheck
		only  int
		wrong bool // a signature by another key comes out
	}{
		{pkcs11.RecheckNever, 0, true},
		{pkcs11.RecheckHandle, 0, false},
		{pkcs11.RecheckHandle, signInit, true},
		{pkcs11.RecheckResult, 0, false},
		{pkcs11.RecheckResult, signInit, false},
	} {
		s := newShim(t)
		tok := open(t, s, pkcs11.Options{Recheck: c.level})
		first, second := twoOf(t, tok, p256)
		for _, o := range []hsm.Object{first, second} {
			wantWorking(t, tok, o.Ref())
		}
		s.swap(handleOf(t, s, hsm.PrivateKey, first.ID), handleOf(t, s, hsm.PrivateKey, second.ID), c.only)
		res, err := tok.Operate(t.Context(), first.Ref(), signData)
		if err != nil && !errors.Is(err, fault.Unavailable) {
			t.Errorf("level %d: got %v, want unavailable", c.level, err)
		}
		wrong := err == nil && !verifies(t, first.PublicKey, signData, res.Output)
		if wrong != c.wrong {
			t.Errorf("level %d, function %d: got a signature by another key: %t (%v), want %t", c.level, c.only, wrong, err, c.wrong)
		}
		s.swap(0, 0, 0)
		wantWorking(t, tok, first.Ref())
	}
}

// TestTokenMadeAnew: a token that was initialised again keeps serial number and
// label on some. Its keys are gone, and one that is made in a key's place is
// another key.
func TestTokenMadeAnew(t *testing.T) {
	st := softHSM(t)
	m := load(t, st, pkcs11.Options{})
	tok, err := m.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	tpl := p256
	tpl.ID, tpl.Label = []byte("key"), []byte("key")
	old, err := tok.Generate(t.Context(), tpl)
	if err != nil {
		t.Fatal(err)
	}
	wantWorking(t, tok, old.Ref())
	cmd := exec.Command("softhsm2-util", "--init-token", "--slot", strconv.FormatUint(uint64(st.Slot), 10),
		"--label", st.Label, "--so-pin", "so-"+st.PIN, "--pin", st.PIN)
	cmd.Env = append(os.Environ(), st.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := tok.Operate(t.Context(), old.Ref(), signData); !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want the key gone", err)
	}
	if err := tok.Heal(t.Context(), healing.NewLibrary); err != nil {
		t.Fatal(err)
	}
	made, err := tok.Generate(t.Context(), tpl)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Operate(t.Context(), old.Ref(), signData); !errors.Is(err, fault.Conflict) {
		t.Errorf("got %v, want conflict", err)
	}
	wantWorking(t, tok, made.Ref())
}

// verifies reports whether a signature of SHA-256 is by the key.
func verifies(t *testing.T, spki []byte, op operations.Sign, sig []byte) bool {
	t.Helper()
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(op.Input)
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, digest[:], sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) == nil
	default:
		t.Fatalf("got a key of type %T", pub)
		return false
	}
}
