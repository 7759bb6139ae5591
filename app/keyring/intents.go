package keyring

import (
	"context"
	"errors"
	"sync"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
)

// uncertain reports whether what failed with err may have been done all the
// same: everything but what was refused and what never reached a token.
func uncertain(err error) bool {
	if errors.Is(err, backend.Untouched) {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Internal:
		return true
	case fault.Unavailable:
		return !failover.Next(err, false)
	default:
		return false
	}
}

// end ends an intent of which nothing is left in the token. When that cannot be
// stored, recovery finds that there is nothing and ends it.
func (s *Service) end(ctx context.Context, i intents.Intent) { _ = s.cat.EndIntent(ctx, i.ID) }

// abandon leaves an intent to recovery, as one whose requester was told that it
// failed. When that cannot be stored, this process remembers it; after a crash
// recovery records the key instead.
func (s *Service) abandon(ctx context.Context, i intents.Intent) {
	err := s.cat.AbandonIntent(ctx, i.ID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		s.work.failed(i.ID)
	}
}

// work knows what this process is changing in tokens. Safe for concurrent use.
type work struct {
	mu        sync.Mutex
	underway  map[id.Intent]change
	abandoned map[id.Intent]bool // could not be stored as such
	watches   map[*Watch]bool
}

// change is a key that is being changed in its token.
type change struct {
	intents.Intent
	at *keys.Pointer // nil for a key that is being made
}

func newWork() *work {
	return &work{underway: map[id.Intent]change{}, abandoned: map[id.Intent]bool{}, watches: map[*Watch]bool{}}
}

// claim marks an intent as being worked on, until the returned function is
// called, unless somebody works on it or on a key that it touches already.
func (w *work) claim(i intents.Intent, at *keys.Pointer) (done func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, busy := w.underway[i.ID]; busy {
		return nil, false
	}
	for _, c := range w.underway {
		if c.Touches(i.Key) || i.Replaces.Key != "" && c.Touches(i.Replaces.Key) {
			return nil, false
		}
	}
	return w.mark(i, at), true
}

func (w *work) mark(i intents.Intent, at *keys.Pointer) (done func()) {
	c := change{Intent: i, at: at}
	w.underway[i.ID] = c
	for watch := range w.watches {
		watch.note(c)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.underway, i.ID)
	}
}

// failed remembers that an intent's requester was told that it failed.
func (w *work) failed(i id.Intent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.abandoned[i] = true
}

// hasFailed reports what failed remembered, settled forgets it.
func (w *work) hasFailed(i id.Intent) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.abandoned[i]
}

func (w *work) settled(i id.Intent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.abandoned, i)
}
