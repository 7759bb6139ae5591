package campaign

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"

	gocrypto "crypto"
)

// patience is how long a client waits for a request.
const patience = 5 * time.Second

// pace is the pause of a caller between two requests: the machine is to be busy
// with faults, not with signatures.
const pace = 8 * time.Millisecond

// Traffic is clients that use a slot without a pause, and check every result.
type Traffic struct {
	token token.Token
	using *using
	tally atomic.Pointer[Tally]
	stop  context.CancelFunc
	done  sync.WaitGroup

	making sync.RWMutex // held for reading while a key is made, changed or destroyed
	ledger *ledger
}

// using is the keys that are used and never changed: two of a kind, so that a
// handle that stands for another key shows.
type using struct {
	ec, rsa, aes [2]hsm.Object
	material     [2]cipher.AEAD
}

// makeKeys makes the keys that traffic uses.
func makeKeys(ctx context.Context, t token.Token) (*using, error) {
	u := &using{}
	for i := range 2 {
		name := func(kind string) []byte { return fmt.Appendf(nil, "%s-%d", kind, i) }
		var err error
		if u.ec[i], err = t.Generate(ctx, hsm.Template{ID: name("ec"), Label: name("ec"), Type: keys.EC, Curve: keys.P256, Ops: keys.OpSign | keys.OpVerify}); err != nil {
			return nil, err
		}
		if u.rsa[i], err = t.Generate(ctx, hsm.Template{ID: name("rsa"), Label: name("rsa"), Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify}); err != nil {
			return nil, err
		}
		material := make([]byte, 32)
		_, _ = rand.Read(material) // never fails
		block, err := aes.NewCipher(material)
		if err != nil {
			return nil, err
		}
		if u.material[i], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
		if u.aes[i], err = t.Import(ctx, hsm.Template{ID: name("aes"), Label: name("aes"), Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt}, secret.New(material)); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// start makes keys and begins to use them, with so many callers that use keys
// and makers that make, change and destroy others.
func start(ctx context.Context, t token.Token, callers, makers int) (*Traffic, error) {
	u, err := makeKeys(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("making the keys of the traffic: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	tr := &Traffic{token: t, using: u, stop: stop, ledger: newLedger()}
	tr.tally.Store(&Tally{})
	uses := []func(context.Context, int) (string, error){tr.signEC, tr.encrypt, tr.signRSA, tr.signEC, tr.decrypt}
	for i := range callers {
		tr.done.Go(func() {
			for n := i; background.Err() == nil; n++ {
				tr.request(background, func(ctx context.Context) (string, error) { return uses[n%len(uses)](ctx, (n/len(uses))%2) })
				rest(background, pace)
			}
		})
	}
	for i := range makers {
		tr.done.Go(func() { tr.make(background, i) })
	}
	return tr, nil
}

// request does one request and counts what becomes of it. A request that began
// and ended in another tally counts for the first.
func (tr *Traffic) request(ctx context.Context, do func(context.Context) (string, error)) {
	tally := tr.tally.Load()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	what, err := do(within)
	cancel()
	switch {
	case err == nil:
		tally.Good.Add(1)
	case errors.Is(err, errWrong):
		tally.violates("%s: %v", what, err)
	default:
		if tr.tally.Load() != tally {
			what += " (which went on when the fault changed)"
		}
		tally.fails(what, err)
	}
}

// end ends the traffic, when the requests under way have.
func (tr *Traffic) end() {
	tr.stop()
	tr.done.Wait()
}

func message() []byte { return []byte("payment " + rand.Text()) }

func (tr *Traffic) signEC(ctx context.Context, i int) (string, error) {
	return "sign with EC", signEC(ctx, tr.token, tr.using.ec[i])
}

// signEC has a message signed and verifies the signature.
func signEC(ctx context.Context, t token.Token, o hsm.Object) error {
	digest := sha256.Sum256(message())
	parsed, err := x509.ParsePKIXPublicKey(o.PublicKey)
	if err != nil {
		return err
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return fmt.Errorf("%w: the public key is a %T", errWrong, parsed)
	}
	r, err := t.Operate(ctx, o.Ref(), operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: digest[:]})
	if err == nil && !ecdsa.VerifyASN1(public, digest[:], r.Output) {
		err = fmt.Errorf("%w: the signature of %d bytes does not verify", errWrong, len(r.Output))
	}
	return err
}

func (tr *Traffic) signRSA(ctx context.Context, i int) (string, error) {
	digest := sha256.Sum256(message())
	parsed, err := x509.ParsePKIXPublicKey(tr.using.rsa[i].PublicKey)
	if err != nil {
		return "read a public key", err
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return "read a public key", errWrong
	}
	r, err := tr.token.Operate(ctx, tr.using.rsa[i].Ref(), operations.Sign{Mode: operations.PKCS1v15, Hash: operations.SHA256, Prehashed: true, Input: digest[:]})
	if err == nil && rsa.VerifyPKCS1v15(public, gocrypto.SHA256, digest[:], r.Output) != nil {
		err = fmt.Errorf("%w: the signature of %d bytes does not verify", errWrong, len(r.Output))
	}
	return "sign with RSA", err
}

func (tr *Traffic) encrypt(ctx context.Context, i int) (string, error) {
	plain, ad := message(), message()
	r, err := tr.token.Operate(ctx, tr.using.aes[i].Ref(), operations.Encrypt{Mode: operations.GCM, Plain: plain, AD: ad})
	if err == nil {
		var got []byte
		if len(r.IV) == tr.using.material[i].NonceSize() {
			got, err = tr.using.material[i].Open(nil, r.IV, append(append([]byte(nil), r.Output...), r.Tag...), ad)
		}
		if err != nil || !bytes.Equal(got, plain) {
			err = fmt.Errorf("%w: the ciphertext does not decrypt", errWrong)
		}
	}
	return "encrypt with AES", err
}

func (tr *Traffic) decrypt(ctx context.Context, i int) (string, error) {
	plain, ad, gcm := message(), message(), tr.using.material[i]
	iv := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(iv) // never fails
	sealed := gcm.Seal(nil, iv, plain, ad)
	cut := len(sealed) - gcm.Overhead()
	r, err := tr.token.Operate(ctx, tr.using.aes[i].Ref(), operations.Decrypt{Mode: operations.GCM, Cipher: sealed[:cut], Tag: sealed[cut:], IV: iv, AD: ad})
	if err == nil && !bytes.Equal(r.Output, plain) {
		err = fmt.Errorf("%w: the plaintext is another one", errWrong)
	}
	return "decrypt with AES", err
}

// rest waits, unless ctx ends.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
