package pkcs11

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
)

// opened counts by handle the sessions that a token has open, so that one which
// the library is said to have lost is closed all the same, if it is still there,
// and never another that has got its handle.
type opened struct {
	mu    sync.Mutex // held while a session is opened, too
	epoch uint64     // of the module
	count map[cryptoki.Session]int
	total atomic.Int64
}

// lock locks o for the present state of the library: sessions from before are none.
func (o *opened) lock(epoch uint64) {
	o.mu.Lock()
	if o.epoch != epoch || o.count == nil {
		o.epoch, o.count = epoch, map[cryptoki.Session]int{}
		o.total.Store(0)
	}
}

// openHandle opens a session and counts it.
func (t *Token) openHandle() (cryptoki.Session, error) {
	t.opened.lock(t.m.epoch.Load())
	defer t.opened.mu.Unlock()
	h, err := t.m.openSession(t.slot)
	if err == nil {
		t.opened.count[h]++
		t.opened.total.Add(1)
	}
	return h, err
}

// closeHandle closes a session, unless another one has its handle by now.
func (t *Token) closeHandle(h cryptoki.Session) {
	t.opened.lock(t.m.epoch.Load())
	defer t.opened.mu.Unlock()
	n := t.opened.count[h]
	if n > 0 {
		t.opened.total.Add(-1)
	}
	if n != 1 {
		t.opened.count[h] = max(0, n-1)
		return
	}
	delete(t.opened.count, h)
	if info, err := t.m.lib.GetSessionInfo(pkcs11.SessionHandle(h)); err == nil && info.SlotID != t.slot {
		return // another token's of this library
	}
	if err := t.m.lib.CloseSession(pkcs11.SessionHandle(h)); err != nil {
		t.log.Debug("closing a session failed", slog.Any("error", err))
	}
}

// forgetHandles forgets all sessions, which the library has closed.
func (t *Token) forgetHandles() {
	t.opened.lock(t.m.epoch.Load())
	defer t.opened.mu.Unlock()
	clear(t.opened.count)
	t.opened.total.Store(0)
}
