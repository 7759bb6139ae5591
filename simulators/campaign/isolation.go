package campaign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Isolation is what the other slot and the health checks took while a slot hung.
type Isolation struct {
	Calm       latencies // signatures in the other slot before
	Signatures latencies // and meanwhile
	Health     latencies
	Unhealthy  time.Duration // from the beginning of the hang until health said so
	Back       time.Duration
	Violations []string
}

// prompt is how soon the other slot and the health checks must answer.
const prompt = 100 * time.Millisecond

// Isolate hangs every call in the first slot, and measures meanwhile.
func Isolate(ctx context.Context, w *World, hang time.Duration) (r Isolation, err error) {
	first, err := Begin(ctx, w, 8, 0)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, first.End()) }()
	t, err := w.Dial(ctx, w.Tokens[1].Slot, pins[1])
	if err != nil {
		return r, fmt.Errorf("opening the other slot: %w", err)
	}
	defer func() { err = errors.Join(err, t.Close()) }() //nolint:contextcheck // closed whether ctx has ended or not
	if err := w.ready(ctx, w.Tokens[1].Slot); err != nil {
		return r, err
	}
	keys, err := makeKeys(ctx, t)
	if err != nil {
		return r, fmt.Errorf("making keys in the other slot: %w", err)
	}
	sign := func(ctx context.Context) error { return signEC(ctx, t, keys.ec[0]) }
	if r.Calm, err = repeat(ctx, 2*time.Second, 4, sign); err != nil {
		return r, fmt.Errorf("signing in the other slot: %w", err)
	}
	hanging := &Tally{}
	first.traffic.tally.Store(hanging)
	begun := time.Now()
	if err := w.Faults.Set(fmt.Sprintf("C_* slot %d -> hang", w.Tokens[0].Slot)); err != nil {
		return r, err
	}
	var both sync.WaitGroup
	var signing, asking error
	both.Go(func() { r.Signatures, signing = repeat(ctx, hang, 4, sign) })
	both.Go(func() {
		r.Health, asking = repeat(ctx, hang, 1, func(ctx context.Context) error {
			code, err := w.healthy(ctx)
			if err == nil && code != http.StatusNoContent && r.Unhealthy == 0 {
				r.Unhealthy = time.Since(begun)
			}
			return err
		})
	})
	both.Wait()
	deaths, err := w.loginDeaths()
	if err != nil {
		return r, err
	}
	if err := w.Faults.Clear(); err != nil {
		return r, err
	}
	var back Result
	if err := first.recovered(ctx, &back, time.Now(), deaths); err != nil {
		return r, err
	}
	r.Back = back.Back
	r.judge(signing, asking, hanging)
	r.Violations = append(r.Violations, back.Violations...)
	return r, ctx.Err()
}

func (r *Isolation) judge(signing, asking error, hanging *Tally) {
	wrong := func(format string, args ...any) { r.Violations = append(r.Violations, fmt.Sprintf(format, args...)) }
	if signing != nil {
		wrong("a signature in the other slot: %v", signing)
	}
	if asking != nil {
		wrong("asking for health: %v", asking)
	}
	if r.Unhealthy == 0 {
		wrong("health did not tell of the slot that hung")
	}
	if p := r.Signatures.at(99); p > prompt {
		wrong("p99 of signatures in the other slot is %s", p)
	}
	if p := r.Health.at(99); p > prompt {
		wrong("p99 of health checks is %s", p)
	}
	r.Violations = append(r.Violations, hanging.Violations()...)
}

// repeat does something for a while with so many callers, and measures each time.
func repeat(ctx context.Context, during time.Duration, callers int, do func(context.Context) error) (all latencies, failed error) {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var mu sync.Mutex
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for rest(ctx, pace) {
				within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
				begun := time.Now()
				err := do(within)
				took := time.Since(begun)
				cancel()
				mu.Lock()
				all = append(all, took)
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	done.Wait()
	return all, failed
}

// String tells what was measured.
func (r Isolation) String() string {
	return fmt.Sprintf("signatures in the other slot: %s (before: %s)\nhealth checks: %s; 500 after %s\nserves again after %s\n",
		r.Signatures, r.Calm, r.Health, r.Unhealthy.Round(time.Millisecond), r.Back.Round(time.Millisecond))
}
