// Package fault holds the closed set of error kinds that Gatehouse answers with.
//
// Every error that crosses a port carries a kind, a message that is safe to
// show to the caller, and the cause, which is for logs only. It is used by all
// layers; adapters translate their vendor's codes into kinds in one map each,
// and driving adapters translate kinds into their protocol in one table each.
// Values are immutable and safe for concurrent use.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is one of the error kinds below. It is an error itself, so that
// errors.Is(err, fault.NotFound) tells the kind of any error.
type Kind string

// The closed set. The HTTP status in each comment is the REST adapter's.
const (
	Invalid         Kind = "invalid"         // 400: the request itself is wrong
	Unauthenticated Kind = "unauthenticated" // 401: nobody known is asking
	Denied          Kind = "denied"          // 403: known, and not allowed
	NotFound        Kind = "not found"       // 404: absent, or outside the caller's reach
	Conflict        Kind = "conflict"        // 409: clashes with something that exists
	BadState        Kind = "bad state"       // 409: the object's state forbids it
	Unsupported     Kind = "unsupported"     // 501: known to the API, not to this backend
	Exhausted       Kind = "exhausted"       // 429: a limit is reached, try later
	Unavailable     Kind = "unavailable"     // 503: something needed is out of reach
	Internal        Kind = "internal"        // 500: a bug or damage; details stay in the log
)

// Kinds lists the closed set, for tables that must be complete.
func Kinds() []Kind {
	return []Kind{
		Invalid, Unauthenticated, Denied, NotFound, Conflict,
		BadState, Unsupported, Exhausted, Unavailable, Internal,
	}
}

// Error makes a Kind an error.
func (k Kind) Error() string { return string(k) }

// Error is an error with a kind.
type Error struct {
	kind    Kind
	reason  Reason
	message string
	cause   error
	untried bool
	after   time.Duration
}

// Progress tells how far a call came that failed.
type Progress string

// Untried is what errors.Is finds in the error of a call that provably did
// nothing: it ended before anything was tried, so that it may be made again,
// also elsewhere, whatever it would change.
const Untried Progress = "nothing was tried"

// Error makes a Progress an error.
func (p Progress) Error() string { return string(p) }

// New returns an error of kind k whose message is safe for the caller. The
// message must not hold a rejected value or a secret.
func New(k Kind, format string, args ...any) *Error {
	return &Error{kind: k, message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause, which callers never see and logs do.
func Wrap(k Kind, cause error, format string, args ...any) *Error {
	return &Error{kind: k, message: fmt.Sprintf(format, args...), cause: cause}
}

// Because returns a copy of e with the reason r.
func (e *Error) Because(r Reason) *Error {
	c := *e
	c.reason = r
	return &c
}

// Untried returns a copy of e that says that nothing was tried.
func (e *Error) Untried() *Error {
	c := *e
	c.untried = true
	return &c
}

// Error returns the message followed by its cause: text for logs.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is e's kind, e's reason or how far it came.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Kind:
		return e.kind == t
	case Reason:
		return e.reason == t
	case Progress:
		return t == Untried && e.untried
	default:
		return false
	}
}

// KindOf returns the kind of the outermost Error in err's chain; Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}

// Message returns the text that may be shown to the caller. For errors of kind
// Internal, and for errors without a kind, it is empty.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) && e.kind != Internal {
		return e.message
	}
	return ""
}
