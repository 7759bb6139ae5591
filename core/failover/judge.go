package failover

import (
	"errors"

	"gatehouse/core/fault"
)

// Judge tells what the outcome of a call says about the connection that it went
// through, and whether it says anything. A request that is wrong is answered by
// a connection that works.
func Judge(err error) (e Event, tells bool) {
	if err == nil {
		return Succeeded, true
	}
	reason := fault.ReasonOf(err)
	switch kind := fault.KindOf(err); {
	case reason.Credential():
		return Refused, true
	case kind == fault.Internal || kind == fault.Exhausted:
		return "", false // a bug on this side, or a limit: neither good nor bad news of the connection
	case kind != fault.Unavailable:
		return Succeeded, true
	case Busy(err):
		return "", false
	}
	switch reason {
	case fault.Refused, fault.Unreachable, fault.TLSRefused, fault.WrongSlot, fault.Incompatible, fault.TokenGone, fault.PINUnset:
		return Broken, true
	default:
		return Failed, true
	}
}

// Busy reports whether err comes from a connection that works and has too much
// to do: it says so, or refused the call at once for no other reason.
func Busy(err error) bool {
	if fault.KindOf(err) != fault.Unavailable {
		return false
	}
	reason := fault.ReasonOf(err)
	return reason == fault.Busy || reason == fault.Unspecified && errors.Is(err, fault.Untried)
}

// Lacking reports whether err says that the token behind a connection does not
// hold the key that was asked for, or another one in its place: nothing was
// done, and the token behind another connection may hold it.
func Lacking(err error) bool {
	return errors.Is(err, fault.NotFound) || errors.Is(err, fault.Conflict)
}

// Worse reports whether error b tells a caller less about the request than a,
// when the connections of a group have failed differently: what a token says of
// the key comes before what is wrong with a connection, and that it is busy
// comes before that it is out of reach.
func Worse(a, b error) bool { return rank(b) > rank(a) }

func rank(err error) int {
	switch {
	case err == nil:
		return 4
	case fault.KindOf(err) != fault.Unavailable:
		return 0
	case Busy(err):
		return 1
	default:
		return 2
	}
}
