package pkcs11

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// trial is the test key of one session: a session object, which is gone when the
// session is, and protects nothing.
type trial struct {
	key  cryptoki.Object
	made int // the way that made it, plus one; 0 while there is none
}

// A proving is one way to see that a token does real work: with a test key where
// make is given, whose result is known.
type proving struct {
	make func(t *Token, s cryptoki.Session) (cryptoki.Object, error)
	use  func(t *Token, s cryptoki.Session, key cryptoki.Object) (right bool, err error)
}

// provings are in the order of what they prove. The last one is for tokens that
// refuse all others.
var provings = []proving{
	{createKey(pkcs11.CKK_AES, pkcs11.CKA_ENCRYPT), knownEncryption},
	{createKey(pkcs11.CKK_GENERIC_SECRET, pkcs11.CKA_SIGN), knownMAC},
	{generateKey, thereAndBack},
	{nil, knownDigest},
	{nil, func(*Token, cryptoki.Session, cryptoki.Object) (bool, error) { return true, nil }},
}

// The test key and what it is used on: anybody may know them.
var (
	testKey  = []byte("gatehouse health")
	testText = []byte("is it all right?")
)

// errWrong says that a token has computed something else than what is right.
func errWrong() error {
	return fault.New(fault.Unavailable, "the HSM gives wrong results").Because(fault.TokenFailed)
}

// prove has the token do real work in session s, and checks the result. What a
// token refuses when it is opened, or says later that it cannot do, it is not
// asked for again. spoilt says that the session must be dropped.
func (t *Token) prove(s cryptoki.Session, tr *trial) (spoilt bool, err error) {
	if !t.proven.Load() {
		t.settle()
	}
	if !t.proven.Load() {
		return false, t.random(s)
	}
	way := t.way.Load()
	right, err := t.tryOut(s, tr, int(way))
	if staleHandle(err) || err == nil && !right {
		tr.made = 0 // its handle may mean something else by now
		right, err = t.tryOut(s, tr, int(way))
	}
	v, told := meaning(err)
	switch {
	case err == nil && !right:
		return false, errWrong()
	case told && v.Class == ckr.Request:
		t.way.CompareAndSwap(way, min(way+1, int32(len(provings)-1)))
		return spoils(err), nil
	case told && v.Class == ckr.Capacity: // no room for a test key is no failure
		return spoils(err), nil
	case err != nil:
		return spoils(err), err
	}
	return false, t.random(s)
}

// settle finds the first way that the token does not refuse, each in a session of
// its own. A token that does not even give random numbers is asked another time.
func (t *Token) settle() {
	if !t.settling.TryLock() {
		return
	}
	defer t.settling.Unlock()
	for way := t.way.Load(); int(way) < len(provings) && !t.proven.Load(); way++ {
		right, err := t.tryAlone(func(s cryptoki.Session) (bool, error) { return t.tryOut(s, &trial{}, int(way)) })
		if err == nil && right {
			t.way.Store(way)
			t.proven.Store(true)
			return
		}
		_, err = t.tryAlone(func(s cryptoki.Session) (bool, error) { return true, t.random(s) })
		if err != nil {
			return
		}
	}
}

// tryAlone runs f in a new session.
func (t *Token) tryAlone(f func(cryptoki.Session) (bool, error)) (bool, error) {
	s, err := t.openHandle()
	if err != nil {
		return false, err
	}
	defer t.closeHandle(s)
	return f(s)
}

// tryOut proves the token in one way.
func (t *Token) tryOut(s cryptoki.Session, tr *trial, way int) (right bool, err error) {
	p := provings[way]
	if p.make != nil && tr.made != way+1 {
		if tr.key, err = p.make(t, s); err != nil {
			return false, err
		}
		tr.made = way + 1
	}
	return p.use(t, s, tr.key)
}

// createKey returns a way to put the test key into a session.
func createKey(keyType, use uint) func(*Token, cryptoki.Session) (cryptoki.Object, error) {
	return func(t *Token, s cryptoki.Session) (cryptoki.Object, error) {
		as := testAttributes(keyType)
		as.put(use, boolean(true))
		as.put(pkcs11.CKA_VALUE, testKey)
		return t.m.lib.Create(s, as)
	}
}

func testAttributes(keyType uint) attributes {
	return attributes{
		{Type: pkcs11.CKA_CLASS, Value: ulong(pkcs11.CKO_SECRET_KEY)},
		{Type: pkcs11.CKA_KEY_TYPE, Value: ulong(keyType)},
		{Type: pkcs11.CKA_TOKEN, Value: boolean(false)},
		{Type: pkcs11.CKA_PRIVATE, Value: boolean(true)},
		{Type: pkcs11.CKA_LABEL, Value: []byte("gatehouse-health")},
	}
}

// generateKey has the token make the test key.
func generateKey(t *Token, s cryptoki.Session) (cryptoki.Object, error) {
	as := testAttributes(pkcs11.CKK_AES)
	as.put(pkcs11.CKA_ENCRYPT, boolean(true))
	as.put(pkcs11.CKA_DECRYPT, boolean(true))
	as.put(pkcs11.CKA_VALUE_LEN, ulong(uint(len(testKey))))
	o, err := t.m.lib.GenerateKey(pkcs11.SessionHandle(s), []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, as.binding())
	return cryptoki.Object(o), err
}

func knownEncryption(t *Token, s cryptoki.Session, key cryptoki.Object) (bool, error) {
	got, err := t.runTest(s, cryptoki.Encrypt, key, pkcs11.CKM_AES_ECB, testText)
	if err != nil {
		return false, err
	}
	block, err := aes.NewCipher(testKey)
	if err != nil {
		return false, err
	}
	want := make([]byte, aes.BlockSize)
	block.Encrypt(want, testText)
	return bytes.Equal(got, want), nil
}

func knownMAC(t *Token, s cryptoki.Session, key cryptoki.Object) (bool, error) {
	got, err := t.runTest(s, cryptoki.Sign, key, pkcs11.CKM_SHA256_HMAC, testText)
	if err != nil {
		return false, err
	}
	mac := hmac.New(sha256.New, testKey)
	mac.Write(testText)
	return hmac.Equal(got, mac.Sum(nil)), nil
}

func thereAndBack(t *Token, s cryptoki.Session, key cryptoki.Object) (bool, error) {
	there, err := t.runTest(s, cryptoki.Encrypt, key, pkcs11.CKM_AES_ECB, testText)
	if err != nil {
		return false, err
	}
	back, err := t.runTest(s, cryptoki.Decrypt, key, pkcs11.CKM_AES_ECB, there)
	return bytes.Equal(back, testText) && !bytes.Equal(there, testText), err
}

func knownDigest(t *Token, s cryptoki.Session, _ cryptoki.Object) (bool, error) {
	err := t.m.lib.DigestInit(pkcs11.SessionHandle(s), []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256, nil)})
	if err != nil {
		return false, err
	}
	got, err := t.m.lib.Digest(pkcs11.SessionHandle(s), testText)
	want := sha256.Sum256(testText)
	return bytes.Equal(got, want[:]), err
}

func (t *Token) runTest(s cryptoki.Session, k cryptoki.Kind, key cryptoki.Object, mechanism uint, in []byte) ([]byte, error) {
	out, _, err := t.m.lib.Run(k, s, key, &cryptoki.Mechanism{Type: mechanism}, in, make([]byte, 64))
	return out, err
}
