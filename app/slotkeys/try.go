package slotkeys

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/ports/backend"
	"gatehouse/ports/token"
)

// call is something to be done on a token.
type call struct {
	within     time.Duration // on all connections together
	repeatable bool          // it changes nothing, so that it may be done again elsewhere
	elsewhere  bool          // a key that one token lacks is looked for in the next that works
	do         func(context.Context, token.Token) error
	through    *id.Connection // when not nil: is told which connection did it

	// enough tells whether what was answered will do; if not, every other
	// connection that works is asked too. nil: one answer will.
	enough func() bool
}

// try does c on the group's tokens in failover order. What did not reach a
// token can be tried on the next, whatever it is.
//
// Of the time for a repeatable call each connection that works gets an equal
// share, so that one that hangs leaves time for the others; a call ends early
// when its connection is found not to work meanwhile. A second request beside a
// slow one would be quicker still, and would double the load of HSMs in the
// moment in which they have too much already.
func (b *Backend) try(ctx context.Context, g groups.Group, c call) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	var worst error
	var tried []*link
	var share time.Duration
	touched, answered := false, false
	for {
		p, err := b.pick(g, tried)
		if err != nil {
			return notConnected(untouched(err))
		}
		if worst == nil {
			worst = p.why
		}
		if p.link == nil || answered && p.trial {
			break
		}
		if share == 0 && p.left > 1 {
			share = c.within / time.Duration(p.left)
		}
		reached, err := p.link.serve(ctx, caller, c, p, share)
		touched = touched || reached
		if err == nil && (c.enough == nil || c.enough()) {
			if c.through != nil {
				*c.through = p.link.conn.ID
			}
			return nil
		}
		tried = append(tried, p.link)
		if err == nil {
			answered = true
			continue
		}
		if errors.Is(err, errMoved) { // the connection was changed just now: see what there is instead
			continue
		}
		if worst == nil || failover.Worse(err, worst) {
			worst = err
		}
		lacking := c.elsewhere && failover.Lacking(err)
		if ctx.Err() != nil {
			break
		}
		if !lacking && !failover.Next(err, c.repeatable || !reached) {
			worst = err
			break
		}
		answered = answered || lacking
	}
	if answered && c.enough != nil {
		return nil
	}
	if !touched {
		worst = untouched(worst)
	}
	return notConnected(worst)
}

// picked is the connection that a request tries next.
type picked struct {
	link  *link
	left  int   // connections that work and are not tried yet, with this one
	trial bool  // it is passed over as a rule: this request is to find out
	why   error // when there is no link: why there is none
}

// pick returns the first connection in failover order that is not tried yet:
// of those that work or, when there is none, of those that are passed over.
func (b *Backend) pick(g groups.Group, tried []*link) (picked, error) {
	r, err := b.links.roster(g)
	if err != nil {
		return picked{}, err
	}
	order := r.links
	if r.scheme != groups.PriorityFailover && len(order) > 1 {
		order = slices.Clone(order)
		b.cfg.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	var p picked
	var rest *link
	var held error
	for _, l := range order {
		if slices.Contains(tried, l) {
			continue
		}
		switch usable, err := l.usable(); {
		case usable:
			if p.link == nil {
				p.link = l
			}
			p.left++
		case err != nil && held == nil:
			held = err
		case err == nil && rest == nil:
			rest = l
		}
	}
	switch {
	case p.link != nil:
	case rest != nil:
		p = picked{link: rest, left: 1, trial: true}
	case held != nil:
		p.why = held
	default:
		p.why = fault.New(fault.Unavailable, "Not Connected: the group has no connection to an HSM")
	}
	return p, nil
}

// untouched adds to what made no connection that nothing was done.
func untouched(err error) error {
	message := fault.Message(err)
	if message == "" { // an internal error keeps its own to itself
		message = "reaching the HSM"
	}
	return fault.Wrap(fault.KindOf(err), errors.Join(backend.Untouched, err), "%s", message).Because(fault.ReasonOf(err))
}

// notConnected gives errors that come from the connection the words that every
// view and call uses (workflow G7).
func notConnected(err error) error {
	if failover.Busy(err) && fault.AfterOf(err) == 0 {
		return fault.Wrap(fault.Unavailable, err, "%s", fault.Message(err)).After(time.Second)
	}
	if fault.KindOf(err) != fault.Unavailable || strings.HasPrefix(fault.Message(err), "Not Connected") || failover.Busy(err) {
		return err
	}
	reason := fault.ReasonOf(err)
	if reason == fault.Unspecified {
		return fault.Wrap(fault.Unavailable, err, "Not Connected: %s", fault.Message(err))
	}
	return fault.Wrap(fault.Unavailable, err, "Not Connected: %s", string(reason)).Because(reason)
}
