package campaign

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/ports/token"
)

// Result is what became of one fault.
type Result struct {
	Fault      Fault
	Struck     bool  // it met a call, or a process
	Good       int64 // requests that were answered well
	Failed     int   // requests that were not
	Reasons    map[string]int
	Back       time.Duration // from the fault's end until the gateway served again
	Full       time.Duration // until every worker did
	Strays     int           // objects that a process left half made
	Lost       int           // tokens that SoftHSM2 left half written, when its process died in a login
	Violations []string
}

// Within is how soon after a fault's end the gateway must serve again.
const Within = 2 * time.Second

// calm is how long the gateway must serve without a failed request before the
// next fault.
const calm = 100 * time.Millisecond

// strikes is how long a fault may take until it meets a call: long, for the machine
// may be busy, and keys are made now and then only.
const strikes = 30 * time.Second

// sessions is how many sessions a worker may have: those that it works with,
// the one that holds the login, and one to spare.
const sessions = 6

// crowd is a rule that a process meets which opens one more.
var crowd = fmt.Sprintf("C_OpenSession open %d -> delay 1us", sessions)

// A Campaign injects faults into the first slot of a world, under traffic.
type Campaign struct {
	w       *World
	traffic *Traffic
	prober  token.Token
}

// Begin opens the slot and begins the traffic, with so many callers, and makers
// that make and destroy keys.
func Begin(ctx context.Context, w *World, callers, makers int) (*Campaign, error) {
	t, err := w.Dial(ctx, w.Tokens[0].Slot, pins[0])
	if err != nil {
		return nil, fmt.Errorf("opening the slot: %w", err)
	}
	c := &Campaign{w: w}
	if c.prober, err = w.Dial(ctx, w.Tokens[0].Slot, pins[0]); err != nil {
		return nil, fmt.Errorf("opening the slot: %w", err)
	}
	if err := w.ready(ctx, w.Tokens[0].Slot); err != nil {
		return nil, err
	}
	c.traffic, err = start(ctx, t, callers, makers)
	return c, err
}

// End ends the traffic.
func (c *Campaign) End() error {
	c.traffic.end()
	return c.prober.Close()
}

// Inject injects one fault, ends it, and waits until the gateway serves again.
// An error is a reason to end the campaign; what is wrong with the gateway is in
// the result.
func (c *Campaign) Inject(ctx context.Context, f Fault) (r Result, err error) {
	r.Fault = f
	before := c.w.injected()
	deaths, err := c.w.loginDeaths()
	if err != nil {
		return r, err
	}
	_, taken, err := c.w.Faults.Fired(0)
	if err != nil {
		return r, err
	}
	during := &Tally{Allows: f.allows()}
	c.traffic.tally.Store(during)
	if err := c.w.Faults.Set(append(slices.Clip(f.Rules), crowd)...); err != nil {
		return r, err
	}
	if f.Signal != 0 {
		if err := c.w.signal(f.Signal, f.All); err != nil {
			return r, err
		}
	}
	r.Struck = len(f.Rules) == 0
	for waited := time.Now(); !r.Struck && time.Since(waited) < strikes && ctx.Err() == nil; {
		rest(ctx, 5*time.Millisecond)
		fired, _, err := c.w.Faults.Fired(taken) // a process may be killed before it has written its line
		if err != nil {
			return r, err
		}
		r.Struck = fired > 0 || c.w.injected() != before
	}
	rest(ctx, f.Hold)
	if err := c.w.Faults.Clear(); err != nil {
		return r, err
	}
	ended := time.Now()
	if err := c.recovered(ctx, &r, ended, deaths); err != nil {
		return r, err
	}
	log, err := c.w.injectedSince(before)
	if err != nil {
		return r, err
	}
	if strings.Contains(log, crowd) {
		r.Violations = append(r.Violations, fmt.Sprintf("a worker has opened more than %d sessions", sessions))
	}
	still := &Tally{}
	c.traffic.tally.Store(still)
	rest(ctx, calm)
	quiet := &Tally{} // of what goes on from now on, nothing is counted
	c.traffic.tally.Store(quiet)

	if err := c.w.ready(ctx, c.w.Tokens[0].Slot); err != nil {
		r.Violations = append(r.Violations, err.Error())
	}
	r.Full = time.Since(ended)
	if r.Strays, err = c.traffic.audit(c.w.direct[0], during); err != nil {
		return r, err
	}
	r.Good = during.Good.Load()
	r.Failed, r.Reasons = during.Failed()
	r.Violations = append(r.Violations, during.Violations()...)
	if n, reasons := still.Failed(); n > 0 {
		r.Violations = append(r.Violations, fmt.Sprintf("%d requests failed after the gateway served again: %v", n, reasons))
	}
	r.Violations = append(r.Violations, still.Violations()...)
	if !r.Struck {
		r.Violations = append(r.Violations, "the fault met nothing")
	}
	return r, ctx.Err()
}

// kept makes sure that the token's file is whole. Nobody but SoftHSM2 writes it, and
// it does so in C_Login only: that it is not is SoftHSM2's own doing where a process
// has died in that call since there were so many deaths. Otherwise it is a violation.
func (c *Campaign) kept(ctx context.Context, r *Result, deaths uint64) error {
	lost := c.w.restore(ctx)
	if lost == 0 {
		return nil
	}
	now, err := c.w.loginDeaths()
	switch {
	case err != nil:
		return err
	case now > deaths:
		r.Lost += lost
	default:
		r.Violations = append(r.Violations, fmt.Sprintf("%d tokens were lost while no process died in C_Login, and their files put back", lost))
	}
	return nil
}

// recovered waits until a signature can be had and the gateway says that it is
// healthy. A token that SoftHSM2 has lost is out of order until its file is put back.
func (c *Campaign) recovered(ctx context.Context, r *Result, ended time.Time, deaths uint64) error {
	var serves, healthy time.Duration
	var last error
	for serves == 0 || healthy == 0 {
		within, cancel := context.WithTimeout(ctx, patience)
		if serves == 0 {
			if last = signEC(within, c.prober, c.traffic.using.ec[0]); last == nil {
				serves = time.Since(ended)
			}
		}
		if code, err := c.w.healthy(within); healthy == 0 && err == nil && code == http.StatusNoContent {
			healthy = time.Since(ended)
		}
		cancel()
		if time.Since(ended) > 30*time.Second || ctx.Err() != nil {
			r.Violations = append(r.Violations, fmt.Sprintf("the gateway does not serve again: signature %v, healthy %v, %v", serves > 0, healthy > 0, last))
			break
		}
		if serves > 0 && healthy > 0 {
			break
		}
		lost := r.Lost
		if err := c.kept(ctx, r, deaths); err != nil {
			return err
		}
		if r.Lost > lost {
			ended = time.Now()
		}
		rest(ctx, 10*time.Millisecond)
	}
	r.Back = max(serves, healthy)
	if r.Back > Within {
		r.Violations = append(r.Violations, fmt.Sprintf("a signature after %s, healthy after %s", serves.Round(time.Millisecond), healthy.Round(time.Millisecond)))
	}
	return c.kept(ctx, r, deaths)
}
