package workers_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

const pin = "1234"

var (
	failing  = fault.New(fault.Unavailable, "the HSM reports a failure").Because(fault.TokenFailed)
	template = hsm.Template{Type: keys.AES, Size: 256, ID: []byte("k"), Label: []byte("k"), Ops: keys.OpEncrypt | keys.OpDecrypt}
	encrypt  = operations.Encrypt{Mode: operations.GCM, Plain: []byte("x"), IV: make([]byte, 12)}
)

// world is a slot with workers in a bubble of its own time.
type world struct {
	*testing.T

	slot *tokensim.Slot
	tok  *workers.Slot
	key  hsm.Ref

	mu      sync.Mutex
	started []*tokensim.Worker
	fails   error  // what starting a worker fails with
	before  func() // done before a worker starts
}

func inWorld(t *testing.T, n int, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, slot: tokensim.New(tokensim.Options{PIN: secret.FromString(pin), Label: "simulated"})}
		tok, err := workers.Open(t.Context(), workers.Config{
			Start: w.start, Now: time.Now, Jitter: func() float64 { return 0.5 }, Workers: n,
			Log: slog.New(slog.DiscardHandler),
		}, 0, secret.FromString(pin))
		if err != nil {
			t.Fatal(err)
		}
		w.tok = tok
		defer func() {
			w.slot.Clear()
			w.slot.Release()
			if err := tok.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}()
		o, err := tok.Generate(t.Context(), template)
		if err != nil {
			t.Fatal(err)
		}
		w.key = o.Ref()
		w.pass(time.Minute)
		test(w)
	})
}

func (w *world) start(ctx context.Context, _ uint, pin secret.Value, expected workers.Identity) (token.Worker, error) {
	w.mu.Lock()
	fails, before := w.fails, w.before
	w.mu.Unlock()
	if fails != nil {
		return nil, fails
	}
	if before != nil {
		before()
	}
	worker, err := w.slot.StartWorker(ctx, pin)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.started = append(w.started, worker)
	w.mu.Unlock()
	info, err := worker.Check(ctx)
	if err == nil && expected != (workers.Identity{}) && workers.IdentityOf(info) != expected {
		err = fault.New(fault.Unavailable, "another token is in the slot").Because(fault.TokenGone)
	}
	if err != nil {
		worker.Kill()
		return nil, err
	}
	return worker, nil
}

// pass lets time pass: the bubble's, which costs none.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) starts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.started)
}

func (w *world) encrypt(within time.Duration) error {
	ctx, cancel := context.WithTimeout(w.Context(), within)
	defer cancel()
	_, err := w.tok.Operate(ctx, w.key, encrypt)
	return err
}

func TestOperationsAreRepeated(t *testing.T) {
	t.Parallel()
	t.Run("by another worker when one is killed", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true})
			done := make(chan error)
			go func() { done <- w.encrypt(5 * time.Second) }()
			w.pass(100 * time.Millisecond)
			for _, s := range w.started {
				s.Kill()
			}
			if err := <-done; err != nil {
				w.Errorf("got %v, want the operation done", err)
			}
		})
	})
	t.Run("within their deadline only", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.mu.Lock()
			w.fails = failing
			w.mu.Unlock()
			w.started[0].Kill()
			began := time.Now()
			err := w.encrypt(time.Second)
			if !errors.Is(err, fault.Unavailable) {
				w.Errorf("got %v, want unavailable", err)
			}
			if took := time.Since(began); took > time.Second {
				w.Errorf("took %v, want at most the deadline", took)
			}
		})
	})
	t.Run("but no more than once after one that ends workers", func(t *testing.T) {
		inWorld(t, 3, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Unavailable, "the worker has ended"), Stays: true})
			began := time.Now()
			if err := w.encrypt(time.Minute); !errors.Is(err, fault.Unavailable) {
				w.Errorf("got %v, want unavailable", err)
			}
			if left := time.Since(began); left > time.Second {
				w.Errorf("took %v, want it to give up", left)
			}
		})
	})
}

func TestChangesAreNotRepeated(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.slot.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Err: fault.New(fault.Unavailable, "the worker has ended")})
		another := template
		another.ID = []byte("l")
		if _, err := w.tok.Generate(w.Context(), another); !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) {
			w.Errorf("got %v, want unavailable, and that it may have been done", err)
		}
		n := 0
		if err := w.tok.Inventory(w.Context(), hsm.Filter{ID: another.ID}, func(hsm.Object) error { n++; return nil }); err != nil || n != 1 {
			w.Errorf("got %d keys and %v, want the one that was made", n, err)
		}
	})
}

func TestWorkersBehind(t *testing.T) {
	t.Parallel()
	label := []byte("another")
	for name, call := range map[string]struct {
		simulated tokensim.Call
		do        func(w *world) error
	}{
		"when a key is used":      {tokensim.Operate, func(w *world) error { return w.encrypt(time.Second) }},
		"when a key is changed":   {tokensim.Update, func(w *world) error { return w.tok.Update(w.Context(), w.key, hsm.Change{Label: &label}) }},
		"when a key is destroyed": {tokensim.Destroy, func(w *world) error { return w.tok.Destroy(w.Context(), w.key) }},
	} {
		for _, behind := range []error{
			fault.New(fault.NotFound, "the key is not in the HSM"),
			fault.New(fault.Conflict, "several keys in the HSM have this CKA_ID and CKA_LABEL, and nothing tells them apart"),
		} {
			kind := fault.KindOf(behind)
			t.Run("another is asked "+name+" and fails as "+string(kind), func(t *testing.T) {
				inWorld(t, 2, func(w *world) {
					w.slot.Fail(tokensim.Fault{Call: call.simulated, Err: behind})
					if err := call.do(w); err != nil {
						w.Errorf("got %v, want the other worker to do it", err)
					}
					w.pass(time.Second)
					var steps []healing.Step
					for _, s := range w.started {
						steps = append(steps, s.Steps()...)
					}
					if want := []healing.Step{healing.NewLibrary}; !slices.Equal(steps, want) {
						w.Errorf("the workers took %v, want %v of the one behind", steps, want)
					}
				})
			})
			t.Run("and believed "+name+" and fails as "+string(kind), func(t *testing.T) {
				inWorld(t, 2, func(w *world) {
					w.slot.Fail(tokensim.Fault{Call: call.simulated, Err: behind, Stays: true})
					if err := call.do(w); !errors.Is(err, kind) {
						w.Errorf("got %v, want %s", err, kind)
					}
				})
			})
		}
	}
	t.Run("another is waited for when none serves", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.mu.Lock()
			w.fails = failing
			w.mu.Unlock()
			w.started[1].Kill()
			if _, err := w.tok.Check(w.Context()); err != nil { // so that it is noticed
				w.Fatal(err)
			}
			w.pass(100 * time.Millisecond)
			w.slot.Fail(tokensim.Fault{Call: tokensim.Update, Err: fault.New(fault.NotFound, "the key is not in the HSM")})
			done := make(chan error)
			go func() { done <- w.tok.Update(w.Context(), w.key, hsm.Change{Label: &label}) }()
			w.pass(100 * time.Millisecond)
			w.mu.Lock()
			w.fails = nil
			w.mu.Unlock()
			if err := <-done; err != nil {
				w.Errorf("got %v, want the new worker to do it", err)
			}
			w.pass(time.Second)
			if got, want := w.started[0].Steps(), []healing.Step{healing.NewLibrary}; !slices.Equal(got, want) {
				w.Errorf("the worker that did not find the key took %v, want %v", got, want)
			}
		})
	})
	t.Run("all others are asked", func(t *testing.T) {
		inWorld(t, 3, func(w *world) {
			for range 2 {
				w.slot.Fail(tokensim.Fault{Call: tokensim.Update, Err: fault.New(fault.NotFound, "the key is not in the HSM")})
			}
			if err := w.tok.Update(w.Context(), w.key, hsm.Change{Label: &label}); err != nil {
				w.Errorf("got %v, want the third worker to do it", err)
			}
		})
	})
	t.Run("the only one looks anew when it sees several keys, once a minute", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			several := fault.New(fault.Conflict, "several keys")
			w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Err: several})
			if err := w.encrypt(5 * time.Second); err != nil {
				w.Errorf("got %v, want the operation done by the worker that has looked anew", err)
			}
			w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Err: several, Stays: true})
			for range 2 {
				if err := w.encrypt(5 * time.Second); !errors.Is(err, fault.Conflict) {
					w.Errorf("got %v, want conflict", err)
				}
			}
			if got, want := w.started[0].Steps(), []healing.Step{healing.NewLibrary}; !slices.Equal(got, want) {
				w.Errorf("the worker took %v, want %v", got, want)
			}
		})
	})
	t.Run("a key that is there already is not made by another", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Generate, Err: fault.New(fault.Conflict, "a key with this CKA_ID is in the HSM already")})
			other := template
			other.ID = []byte("other")
			if _, err := w.tok.Generate(w.Context(), other); !errors.Is(err, fault.Conflict) {
				w.Errorf("got %v, want conflict", err)
			}
		})
	})
}

func TestLadder(t *testing.T) {
	t.Parallel()
	t.Run("begins with what the error asks for, and climbs", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.slot.Fail(
				tokensim.Fault{Call: tokensim.Operate, Err: failing},
				tokensim.Fault{Call: tokensim.Check, Err: failing}, // asked
				tokensim.Fault{Call: tokensim.Open, Err: failing},  // new library state
			)
			if err := w.encrypt(5 * time.Second); err != nil {
				w.Errorf("got %v, want the operation done by the new worker", err)
			}
			if got, want := w.started[0].Steps(), []healing.Step{healing.NewLibrary}; !slices.Equal(got, want) {
				w.Errorf("the first worker took %v, want %v", got, want)
			}
			if w.starts() != 2 {
				w.Errorf("%d workers were started, want 2", w.starts())
			}
		})
	})
	t.Run("asks before it heals", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Err: failing})
			if err := w.encrypt(5 * time.Second); err != nil {
				w.Errorf("got %v, want the operation repeated", err)
			}
			if w.starts() != 1 || len(w.started[0].Steps()) != 0 {
				w.Errorf("got %d workers and steps %v, want none taken", w.starts(), w.started[0].Steps())
			}
		})
	})
	t.Run("pauses between steps that do not help", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Check, Err: failing, Stays: true})
			w.started[0].Kill()
			_ = w.encrypt(time.Millisecond)
			w.pass(time.Minute)
			if n := w.starts(); n < 60 || n > 100 {
				w.Errorf("%d workers were started in a minute, want about one in 0.75 s", n)
			}
			w.slot.Clear()
			w.pass(2 * time.Second)
			if err := w.encrypt(time.Second); err != nil {
				w.Errorf("two seconds after the fault: %v", err)
			}
		})
	})
	t.Run("never shows a refused PIN again", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.SetPIN(secret.FromString("9876"))
			for _, s := range w.started {
				s.Kill()
			}
			for range 5 {
				if err := w.encrypt(time.Second); !errors.Is(err, fault.Unavailable) {
					w.Errorf("got %v, want unavailable", err)
				}
				w.pass(time.Minute)
			}
			if err := w.encrypt(time.Second); !errors.Is(err, fault.PINIncorrect) {
				w.Errorf("got %v, want the PIN's refusal", err)
			}
			if _, refused := w.slot.Logins(); refused != 1 {
				w.Errorf("%d refused logins, want one", refused)
			}
		})
	})
	t.Run("takes one worker's steps after the other's", func(t *testing.T) {
		inWorld(t, 3, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Delay: time.Second, Stays: true})
			began := w.starts()
			for _, s := range w.started {
				s.Kill()
			}
			_ = w.encrypt(time.Millisecond)
			for n := range 3 {
				if got := w.starts() - began; got != n {
					w.Errorf("after %d steps: %d workers were started", n, got)
				}
				w.pass(time.Second)
			}
		})
	})
	t.Run("does not wait for long for a step that hangs", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Hang: true})
			for _, s := range w.started {
				s.Kill()
			}
			_ = w.encrypt(time.Millisecond)
			if err := w.encrypt(3 * time.Second); err != nil {
				w.Errorf("got %v, want the other worker to serve", err)
			}
		})
	})
	t.Run("asks again for a PIN that is not set", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			unset := fault.New(fault.Unavailable, "the PIN has not been set at the HSM").Because(fault.PINUnset)
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Err: unset})
			w.started[1].Kill()
			w.pass(5 * time.Second)
			for i, s := range w.tok.Workers() {
				if !s.Serving {
					w.Errorf("worker %d does not serve: %v", i, s.Why)
				}
			}
		})
	})
}

func TestHang(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true})
		if err := w.encrypt(time.Second); !errors.Is(err, fault.TimedOut) {
			w.Errorf("got %v, want it timed out", err)
		}
		for range 20 { // the other worker goes on
			if err := w.encrypt(time.Second); err != nil {
				w.Errorf("beside the call that hangs: %v", err)
			}
		}
		w.pass(15 * time.Second)
		killed := 0
		for _, s := range w.started {
			if s.Killed() {
				killed++
			}
		}
		if killed != 1 || w.starts() != 3 {
			w.Errorf("%d of %d workers were killed, want 1 of 3", killed, w.starts())
		}
	})
}

// TestAllHang: workers that are to be replaced hold up none that starts.
func TestAllHang(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		old := append([]*tokensim.Worker(nil), w.started...)
		w.mu.Lock()
		w.before = func() {
			for _, o := range old { // holds a lock that a worker needs to start
				for !o.Killed() {
					time.Sleep(time.Millisecond)
				}
			}
		}
		w.mu.Unlock()
		broken := fault.New(fault.Unavailable, "the worker has fallen silent")
		w.slot.Fail(tokensim.Fault{Call: tokensim.Check, Err: broken, Stays: true})
		_, _ = w.tok.Check(w.Context())
		began := time.Now()
		w.pass(20 * time.Millisecond) // until both are found out
		w.slot.Clear()
		if err := w.encrypt(5 * time.Second); err != nil {
			w.Error(err)
		}
		if took := time.Since(began); took > 500*time.Millisecond {
			w.Errorf("took %v until one served again", took)
		}
	})
}

func TestExchangedToken(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.slot.Swap()
		for range 5 {
			if err := w.encrypt(5 * time.Second); !errors.Is(err, fault.TokenGone) {
				w.Errorf("got %v, want the token gone", err)
			}
			w.pass(time.Second)
		}
		w.slot.Reinsert()
		w.pass(2 * time.Second)
		if err := w.encrypt(time.Second); err != nil {
			w.Errorf("with the first token in the slot again: %v", err)
		}
	})
}

func TestStatus(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.mu.Lock()
		w.fails = failing
		w.mu.Unlock()
		w.started[1].Kill()
		_, _ = w.tok.Check(w.Context())
		w.pass(time.Second)
		got := w.tok.Workers()
		if !got[0].Serving || got[1].Serving || !errors.Is(got[1].Why, fault.TokenFailed) || got[1].Steps[healing.NewWorker] < 2 {
			w.Errorf("got %+v, want the second being healed", got)
		}
	})
}
