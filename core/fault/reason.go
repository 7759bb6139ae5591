package fault

import "errors"

// Reason tells an operator why an HSM cannot be reached, in the few ways that
// ask for different actions. It is an error, so that errors.Is works with it.
type Reason string

// The reasons of a connection that does not work (workflow G3.4).
const (
	Unspecified  Reason = ""
	Refused      Reason = "connection refused"       // nobody listens at the address
	Unreachable  Reason = "host unreachable"         // no route, no such name
	TimedOut     Reason = "timed out"                // no answer in time
	TLSRefused   Reason = "TLS refused"              // either side does not trust the other
	WrongSlot    Reason = "no such slot"             // the slot is not there, or holds no token
	PINIncorrect Reason = "PIN incorrect"            // CKR_PIN_INCORRECT and kin
	PINLocked    Reason = "PIN locked"               // CKR_PIN_LOCKED
	PINExpired   Reason = "PIN expired"              // CKR_PIN_EXPIRED
	PINUnset     Reason = "no PIN set at the HSM"    // CKR_USER_PIN_NOT_INITIALIZED: no PIN was compared, so none can be locked
	PINMissing   Reason = "no PIN given"             // the connection has none
	TokenGone    Reason = "token removed or changed" // another token answers, or none
	TokenFailed  Reason = "HSM reports a failure"    // CKR_DEVICE_ERROR and kin
	LibraryDown  Reason = "PKCS#11 library failed"   // it cannot go on in its process
	Busy         Reason = "HSM is busy"              // CKR_SESSION_COUNT and kin: it may do later
	Incompatible Reason = "incompatible gateway"     // speaks another protocol version
)

// Reasons lists the closed set without Unspecified, for who must recognise one.
func Reasons() []Reason {
	return []Reason{
		Refused, Unreachable, TimedOut, TLSRefused, WrongSlot, PINIncorrect, PINLocked,
		PINExpired, PINUnset, PINMissing, TokenGone, TokenFailed, LibraryDown, Busy, Incompatible,
	}
}

// Error makes a Reason an error.
func (r Reason) Error() string { return string(r) }

// ReasonOf returns the reason of the first Error in err's chain that has one.
func ReasonOf(err error) Reason {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return Unspecified
		}
		if e.reason != Unspecified {
			return e.reason
		}
		err = e.cause
	}
	return Unspecified
}

// Credential reports whether r means that the PIN was not accepted. After it
// no login may be tried again until somebody changes the connection: retries
// lock real HSMs.
func (r Reason) Credential() bool {
	switch r {
	case PINIncorrect, PINLocked, PINExpired, PINMissing:
		return true
	default:
		return false
	}
}
