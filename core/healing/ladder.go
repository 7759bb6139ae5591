package healing

import (
	"errors"
	"time"

	"gatehouse/core/fault"
)

// First returns the step that may mend what err, an error of token.Token, says
// of the token; None when err is not the token's fault, or is about its PIN, or
// says that something is used up for now.
// Sessions and logins that were lost do not show here: adapters/pkcs11 renews
// them within the call.
func First(err error) Step {
	if !errors.Is(err, fault.Unavailable) || Refused(err) {
		return None
	}
	switch fault.ReasonOf(err) {
	case fault.Busy: // it mends itself
		return None
	case fault.TokenFailed, fault.TokenGone, fault.WrongSlot, fault.PINUnset:
		return NewLibrary
	default: // it broke, or does not answer
		return NewWorker
	}
}

// Refused reports whether err says that the token does not accept the PIN.
func Refused(err error) bool {
	return errors.Is(err, fault.Unavailable) && fault.ReasonOf(err).Credential()
}

// The back-off between steps, and how long a token must have served before its
// next failure counts as the first one.
const (
	pause   = 50 * time.Millisecond
	longest = time.Second
	settled = 10 * time.Second
)

// Ladder is how far the healing of one token has come. The zero value is a
// token that serves.
type Ladder struct {
	step    Step // taken last since it served
	taken   int  // steps since it was settled
	refused bool
}

// An Order is a step to take after a pause.
type Order struct {
	Step  Step
	After time.Duration
}

// Climb returns what is to be done after err: the step that err asks for, or
// the one above the last when that did not help; from the top there is no
// higher one, and it is taken again. Jitter, in [0,1), spreads the pauses.
// There is no order when the PIN was refused: then, and ever after, nothing is
// done until the token is opened anew.
func (l Ladder) Climb(err error, jitter float64) (Ladder, Order, bool) {
	if l.refused = l.refused || Refused(err); l.refused {
		return l, Order{}, false
	}
	step := max(First(err), NewSession)
	if l.step != None {
		step = min(max(step, l.step+1), NewWorker)
	}
	order := Order{Step: step}
	if l.taken > 0 {
		order.After = pause << min(l.taken-1, 10)
		order.After = time.Duration(float64(min(order.After, longest)) * (1 + jitter) / 2)
	}
	l.step = step
	l.taken++
	return l, order, true
}

// Serves returns the ladder of a token that serves again: the next failure
// begins with the step that it asks for.
func (l Ladder) Serves() Ladder {
	l.step = None
	return l
}

// Fails returns the ladder of a token that fails after it served for so long:
// one that fails soon after it was healed is not healed without a pause.
func (l Ladder) Fails(served time.Duration) Ladder {
	if served >= settled {
		l.taken = 0
	}
	return l
}
