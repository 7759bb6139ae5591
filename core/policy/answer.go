package policy

import (
	"errors"

	"gatehouse/core/fault"
)

// Answer is how an HSM answers a request.
type Answer string

// The answers.
const (
	Done        Answer = "done"
	Refused     Answer = "refused"     // the token forbids it: CKA_MODIFIABLE, read-only attributes, its own policy
	Unsupported Answer = "unsupported" // the token cannot do it
	NotFound    Answer = "not found"   // the token has no such key
	Unreachable Answer = "unreachable" // certainly nothing was done
	Unknown     Answer = "unknown"     // the answer is lost: it may have been done
)

// Answers lists the closed set.
func Answers() []Answer {
	return []Answer{Done, Refused, Unsupported, NotFound, Unreachable, Unknown}
}

// AnswerOf tells what an error of a request to an HSM means. Untouched is what
// only the caller may know: that no token was reached.
func AnswerOf(err error, untouched bool) Answer {
	if err == nil {
		return Done
	}
	switch fault.KindOf(err) {
	case fault.Unsupported:
		return Unsupported
	case fault.NotFound:
		return NotFound
	case fault.Invalid, fault.Denied, fault.Conflict, fault.BadState:
		return Refused
	case fault.Unauthenticated, fault.Exhausted:
		return Unreachable
	case fault.Unavailable, fault.Internal:
		if untouched || errors.Is(err, fault.Untried) {
			return Unreachable
		}
		return Unknown
	default:
		return Unknown
	}
}
