package campaign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"gatehouse/core/fault"
)

// Return values of C_Login.
const (
	ckrOK           = 0
	ckrPINIncorrect = 0xA0
)

// WrongPINs is what connections with wrong PINs cost.
type WrongPINs struct {
	Connections int    // with a wrong PIN each
	Requests    int    // that they made
	Wrong       uint64 // C_Login that the token refused
	Good        uint64 // C_Login that it accepted
	Violations  []string
}

// TryPINs hammers the first slot with ten connections that have ten wrong PINs,
// while it is used by others and workers die.
func TryPINs(ctx context.Context, w *World) (r WrongPINs, err error) {
	c, err := Begin(ctx, w, 8, 0)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.End()) }()
	before, err := w.Faults.Counts()
	if err != nil {
		return r, err
	}
	traffic := &Tally{}
	c.traffic.tally.Store(traffic)
	if err := w.Faults.Set("C_SignInit every 500 -> lose session", "C_EncryptInit every 400 -> lose sessions"); err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var mu sync.Mutex
	var hammering sync.WaitGroup
	refused := map[string]int{}
	r.Connections = 10
	for i := range r.Connections {
		pin := fmt.Sprintf("wrong-%d", i)
		for range 3 {
			hammering.Go(func() {
				for range 20 {
					t, err := w.Dial(ctx, w.Tokens[0].Slot, pin)
					if err == nil {
						_ = t.Close() //nolint:contextcheck // closed whether ctx has ended or not
					}
					mu.Lock()
					r.Requests++
					if !fault.ReasonOf(err).Credential() && !errors.Is(err, fault.Exhausted) {
						refused[fmt.Sprint(err)]++
					}
					mu.Unlock()
					rest(ctx, pace)
				}
			})
		}
	}
	for range 3 { // of the workers that serve: not one that is trying a PIN
		err := w.ready(ctx, w.Tokens[0].Slot)
		if err == nil {
			err = w.signal(syscall.SIGKILL, false)
		}
		if err != nil {
			r.Violations = append(r.Violations, err.Error())
		}
		rest(ctx, short)
	}
	hammering.Wait()
	if err := w.Faults.Clear(); err != nil {
		return r, err
	}
	// The gateway's own probes and repeats go on; so does the traffic.
	rest(ctx, 3*time.Second)
	after, err := w.Faults.Counts()
	if err != nil {
		return r, err
	}
	logins := after.Since(before)["C_Login"]
	r.Wrong, r.Good = logins.Real[ckrPINIncorrect], logins.Real[ckrOK]
	if r.Wrong != uint64(r.Connections) {
		r.Violations = append(r.Violations, fmt.Sprintf("%d wrong PINs cost %d logins", r.Connections, r.Wrong))
	}
	for answer, n := range refused {
		r.Violations = append(r.Violations, fmt.Sprintf("%d times a wrong PIN was answered with: %s", n, answer))
	}
	r.Violations = append(r.Violations, traffic.Violations()...)
	return r, ctx.Err()
}

// String tells what was counted.
func (r WrongPINs) String() string {
	return fmt.Sprintf("%d connections with a wrong PIN each, %d requests: %d logins that the token refused (and %d that it accepted)\n",
		r.Connections, r.Requests, r.Wrong, r.Good)
}
