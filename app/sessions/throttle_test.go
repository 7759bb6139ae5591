package sessions_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/sessions"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/seal/sealtest"
	"gatehouse/simulators/storesim"
)

// guess tries wrong passwords until the user is throttled, and returns how
// many were tried.
func (w *world) guess(name string) int {
	w.t.Helper()
	for n := range 50 {
		_, err := w.basic(name, "wrong")
		if errors.Is(err, fault.Exhausted) {
			return n
		}
		wantRefused(w.t, "a guess", err)
	}
	w.t.Fatal("50 guesses in a row, and no throttle")
	return 0
}

func TestGuessingIsThrottled(t *testing.T) {
	t.Parallel()
	t.Run("alike for users who exist and who do not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		known, unknown := w.guess(email), w.guess("nobody@gatehouse.example")
		if known != unknown || known > 10 {
			t.Errorf("got %d guesses of a user and %d of nobody, want the same few", known, unknown)
		}
		_, err := w.basic(strings.ToUpper(email), "wrong")
		apptest.Want(t, "the same address spelled otherwise", err, fault.Exhausted)
	})
	t.Run("also the right password waits", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.open(email, password) // which is remembered
		w.guess(email)
		_, err := w.basic(email, password)
		apptest.Want(t, "the right password", err, fault.Exhausted)
		w.Pass(time.Second)
		_, err = w.basic(email, password)
		apptest.Want(t, "the right password after the wait", err, "")
		if n := w.guess(email); n < 2 {
			t.Errorf("got %d guesses after the right password, want some free again", n)
		}
	})
	t.Run("longer each time, but not for ever", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.guess(email)
		var waited time.Duration
		for range 20 {
			before := waited
			for {
				w.Pass(time.Second)
				waited += time.Second
				if _, err := w.basic(email, "wrong"); !errors.Is(err, fault.Exhausted) {
					break
				}
			}
			if wait := waited - before; wait > 15*time.Minute {
				t.Fatalf("got a wait of %v, want at most 15 minutes", wait)
			}
		}
		if waited < time.Hour {
			t.Errorf("got 20 guesses in %v, want them to take hours", waited)
		}
		w.Pass(15 * time.Minute)
		if _, err := w.basic(email, password); err != nil {
			t.Errorf("got %v after the longest wait, want the right password to do", err)
		}
	})
	t.Run("and what was long ago is forgotten", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.guess(email)
		w.Pass(24 * time.Hour)
		if again := w.guess(email); again != first {
			t.Errorf("got %d guesses the day after, want %d as at first", again, first)
		}
	})
	t.Run("other users and apps are not held up", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.guess("other@gatehouse.example")
		for range 50 {
			_, err := w.basic(string(w.app), "wrong")
			wantRefused(t, "a wrong API key", err)
		}
		_, err := w.basic(string(w.app), apiKey)
		apptest.Want(t, "the app", err, "")
		_, err = w.basic(email, password)
		apptest.Want(t, "the user", err, "")
	})
}

// Guesses that come at once are no way around the throttle: each of them may
// pass it before the first has failed.
func TestGuessingAtOnceIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const guesses = 100
	var checked atomic.Int64
	var begun, ended sync.WaitGroup
	begun.Add(guesses)
	w.Store.Fail(storesim.Fault{Call: "UserByEmail", Stays: true, Before: begun.Done}) // they have passed the throttle
	s := sessions.New(w.Catalogue, sealtest.NewMemory("master"), w.Ledger, sessions.Config{
		Now: w.Now, Random: strings.NewReader(strings.Repeat("r", 32)), DummyHash: "nobody's",
		CheckPassword: func(string, secret.Value) bool {
			begun.Wait()
			checked.Add(1)
			return false
		},
	})
	for range guesses {
		ended.Go(func() { _, _ = s.Basic(t.Context(), email, secret.FromString("wrong")) })
	}
	ended.Wait()
	if n := checked.Load(); n > 10 {
		t.Errorf("got %d passwords checked of %d at once, want a few", n, guesses)
	}
}

// A password check takes tens of megabytes: a flood of logins waits.
func TestAFloodOfLoginsWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var now atomic.Int64
	var flooded atomic.Bool
	hold := make(chan struct{})
	s := sessions.New(w.Catalogue, sealtest.NewMemory("master"), w.Ledger, sessions.Config{
		Now: w.Now, Random: strings.NewReader(strings.Repeat("r", 32)), DummyHash: "nobody's",
		CheckPassword: func(string, secret.Value) bool {
			if now.Add(1) > 2 {
				flooded.Store(true)
			}
			defer now.Add(-1)
			<-hold
			return true
		},
	})
	ctx, leave := context.WithCancel(t.Context())
	results := make(chan error, 10)
	for range cap(results) {
		go func() { _, err := s.Basic(ctx, email, secret.FromString(password)); results <- err }()
	}
	leave()
	for range cap(results) - 2 {
		apptest.Want(t, "a login whose client has gone", <-results, fault.Unavailable)
	}
	close(hold)
	for range 2 {
		if err := <-results; err != nil { // the check was done before it was seen that the client has gone
			apptest.Want(t, "a login that was checked", err, fault.Unavailable)
		}
	}
	if flooded.Load() {
		t.Error("got more passwords checked at once than 2")
	}
	got, err := s.Basic(t.Context(), email, secret.FromString(password))
	if err != nil || got.Role != access.AccountAdmin {
		t.Errorf("got %+v and %v after the flood, want the user in", got, err)
	}
}
