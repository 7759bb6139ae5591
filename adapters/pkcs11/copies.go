package pkcs11

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
)

// SoftHSM2 opens, locks and reads a file for each call with an object of the
// token, and its processes wait for each other there. A key that is used often
// is therefore used through a copy of it that lives as long as the login's
// session (C_CopyObject with CKA_TOKEN false), on this token alone.
//
// What is promised of handles (see Recheck) is promised of copies too. A copy has
// a random CKA_ID, by which its handle is known to mean it; and before a result
// is given out the key itself must still be there, show the first of what it was
// found with, and permit the operation: which key it is was asked when it was
// copied, and each attribute costs. What fails with a copy is done again with the
// key. No copy outlives its key by more than copyLife.
const (
	often     = 32          // uses of a key before it is copied
	maxCopies = 256         // at a time
	copyLife  = time.Minute // after which all copies are destroyed: those still wanted are made anew
)

// copies are those of a token's keys.
type copies struct {
	wanted bool // this token gains by copies
	after  int64
	life   time.Duration

	mu    sync.Mutex
	made  []*copied
	timer *time.Timer // ends them all
}

// copied is a copy of a key.
type copied struct {
	object       cryptoki.Object
	proof        *cryptoki.Proof                   // of the copy
	key          map[cryptoki.Kind]*cryptoki.Proof // of the key, and that it permits operations of a kind
	epoch, login uint64                            // of module and token when it was made
	over         atomic.Bool                       // it is not used any more
}

// uses is what is known of the uses of a key.
type uses struct {
	count atomic.Int64
	alone atomic.Bool // it cannot be copied
	copy  atomic.Pointer[copied]
}

// permits are the attributes that permit operations.
var permits = map[cryptoki.Kind]uint{
	cryptoki.Sign: pkcs11.CKA_SIGN, cryptoki.Encrypt: pkcs11.CKA_ENCRYPT, cryptoki.Decrypt: pkcs11.CKA_DECRYPT,
}

// want says whether the token's keys are copied, and after how many uses.
func (c *copies) want(who identity, o Options) {
	c.after, c.life = int64(cmp.Or(o.CopyAfter, often)), cmp.Or(o.CopyLife, copyLife)
	c.wanted = who.softHSM() && c.after > 0 && o.Recheck != RecheckNever
}

// standIn returns the copy to do j with; nil when that is for the key itself.
func (t *Token) standIn(s *session, k *key, j job) *copied {
	if !t.copies.wanted || j.object != k.handle || permits[j.kind] == 0 || k.uses.alone.Load() {
		return nil
	}
	if c := k.uses.copy.Load(); c != nil {
		if !c.over.Load() && c.epoch == t.m.epoch.Load() && c.login == t.logins.Load() {
			return c
		}
		k.uses.copy.CompareAndSwap(c, nil)
	}
	if k.uses.count.Add(1) <= t.copies.after || s.lent { // the login's session is held by who has lent it
		return nil
	}
	k.uses.count.Store(0)
	if !t.copies.mu.TryLock() { // somebody makes one
		return nil
	}
	defer t.copies.mu.Unlock()
	if len(t.copies.made) == maxCopies {
		return nil
	}
	c, err := t.copy(s, k, j)
	if err != nil {
		t.log.Debug("a key cannot be copied for its session", slog.Any("error", err))
	}
	if c == nil {
		k.uses.alone.Store(err == nil || !lost(err))
		return nil
	}
	if len(t.copies.made) == 0 {
		t.copies.timer = time.AfterFunc(t.copies.life, t.endCopies)
	}
	t.copies.made = append(t.copies.made, c)
	k.uses.copy.Store(c)
	return c
}

// copy makes a copy of k, if what is made can be told from a copy of another key.
func (t *Token) copy(s *session, k *key, j job) (*copied, error) {
	if len(k.told.Value) == 0 && (j.kind != cryptoki.Sign || k.software() == nil) {
		return nil, nil
	}
	c := &copied{epoch: t.m.epoch.Load(), login: t.logins.Load(), key: map[cryptoki.Kind]*cryptoki.Proof{}}
	for kind, attr := range permits {
		c.key[kind] = proofOf(k.located, glimpse, cryptoki.Attribute{Type: attr, Value: boolean(true)})
	}
	id := []byte(rand.Text())
	c.proof = cryptoki.NewProof(attributes{{Type: pkcs11.CKA_ID, Value: id}})
	if !t.mu.TryLock() { // it is being logged in
		return nil, pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
	}
	defer t.mu.Unlock()
	if t.loginEpoch != c.epoch {
		return nil, pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
	}
	made, err := t.m.lib.CopyObject(pkcs11.SessionHandle(t.login), pkcs11.ObjectHandle(k.handle),
		attributes{{Type: pkcs11.CKA_TOKEN, Value: boolean(false)}, {Type: pkcs11.CKA_ID, Value: id}}.binding())
	if err != nil {
		return nil, err
	}
	c.object = cryptoki.Object(made)
	same, err := t.isCopy(s, k, j, c)
	if err == nil && same {
		return c, nil
	}
	_, _ = t.m.lib.DestroySame(s.handle, c.object, c.proof) // the session's end does it too
	return nil, err
}

// isCopy reports whether c is a copy of k and of no other key: it has what tells
// k, or else it signs as k.
func (t *Token) isCopy(s *session, k *key, j job, c *copied) (bool, error) {
	if len(k.told.Value) != 0 {
		return t.m.lib.Same(s.handle, c.object, cryptoki.NewProof(attributes{
			k.told, {Type: pkcs11.CKA_LABEL, Value: k.Label[:k.label]}, {Type: pkcs11.CKA_CLASS, Value: ulong(classNumber(k.Class))},
		}))
	}
	raw, _, err := t.m.lib.Run(cryptoki.Sign, s.handle, c.object, &j.mechanism, j.in, s.scratch)
	if err != nil {
		return false, err
	}
	switch public := k.software().(type) {
	case *ecdsa.PublicKey:
		signature, err := der.Signature(raw)
		return err == nil && ecdsa.VerifyASN1(public, j.in, signature), nil
	case ed25519.PublicKey:
		return ed25519.Verify(public, j.in, raw), nil
	default:
		return false, nil
	}
}

// endCopies destroys all copies.
func (t *Token) endCopies() {
	c := &t.copies
	c.mu.Lock()
	made := c.made
	c.made = nil
	c.mu.Unlock()
	for _, one := range made {
		one.over.Store(true)
	}
	_, err := withSession(context.Background(), t, quick, func(s *session) (struct{}, error) {
		for _, one := range made {
			if one.epoch == t.m.epoch.Load() && one.login == t.logins.Load() {
				_, _ = t.m.lib.DestroySame(s.handle, one.object, one.proof) // one that is not there need not be destroyed
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		t.log.Debug("copies of keys end with their session", slog.Any("error", err))
	}
}

// noCopies stops the timer when the session ends that has the copies.
func (c *copies) noCopies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.made = nil
}
