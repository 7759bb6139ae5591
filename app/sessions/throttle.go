package sessions

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"gatehouse/core/secret"
)

// Limits of guessing: after freeTries wrong passwords each further one doubles
// the wait, up to longestWait. Failures that are forgetAfter old count no more.
const (
	freeTries   = 5
	longestWait = 15 * time.Minute
	forgetAfter = time.Hour
	maxTracked  = 100_000
)

// throttle slows down what fails again and again under one name. Names come
// from outside and may be long: only their digests are kept.
type throttle struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[[32]byte]tries
}

type tries struct {
	failed int
	last   time.Time
	until  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, tries: map[[32]byte]tries{}}
}

// wait returns how long nobody may try again.
func (t *throttle) wait(name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tries[sha256.Sum256([]byte(name))].until.Sub(t.now())
}

func (t *throttle) failed(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tries) >= maxTracked {
		clear(t.tries)
	}
	now, key := t.now(), sha256.Sum256([]byte(name))
	f := t.tries[key]
	if now.Sub(f.last) >= forgetAfter {
		f = tries{}
	}
	f.failed, f.last = f.failed+1, now
	if over := f.failed - freeTries; over >= 0 {
		f.until = now.Add(min(time.Second<<min(over, 20), longestWait))
	}
	t.tries[key] = f
}

func (t *throttle) succeeded(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, sha256.Sum256([]byte(name)))
}

// verified remembers which passwords were right, as keyed digests bound to the
// user's version, so that Basic authentication on every call does not hash the
// password every time. The key never leaves this process.
type verified struct {
	key [32]byte
	mu  sync.Mutex
	set map[[32]byte]struct{}
}

func newVerified(random io.Reader) *verified {
	v := &verified{set: map[[32]byte]struct{}{}}
	if _, err := io.ReadFull(random, v.key[:]); err != nil {
		v.set = nil // without a key nothing is remembered
	}
	return v
}

func (v *verified) proof(user string, version int64, password secret.Value) [32]byte {
	digest := password.Digest()
	m := hmac.New(sha256.New, v.key[:])
	_ = binary.Write(m, binary.BigEndian, version)
	_ = binary.Write(m, binary.BigEndian, uint32(len(user)))
	m.Write([]byte(user))
	m.Write(digest[:])
	return [32]byte(m.Sum(nil))
}

func (v *verified) has(p [32]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.set[p]
	return ok
}

func (v *verified) add(p [32]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.set == nil {
		return
	}
	if len(v.set) >= 10_000 {
		clear(v.set)
	}
	v.set[p] = struct{}{}
}
