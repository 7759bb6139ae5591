// Package failover decides in which order the connections of an HSM group are
// tried, whether the next one is tried after an error, and which ones are passed
// over because they do not work.
//
// It guarantees that what is wrong with a request is never held against a
// connection, that what may have been done is never done again elsewhere, and
// that a PIN that was refused is not tried by itself. Pure functions and values;
// used by the backend of HSM groups.
package failover

import (
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
)

// Order returns g's connections in the order in which they are to be tried: by
// priority number under PriorityFailover, otherwise shuffled. Shuffle is that of math/rand.
func Order(g groups.Group, shuffle func(n int, swap func(i, j int))) []groups.Connection {
	conns := g.ByPriority()
	if g.Redundancy != groups.PriorityFailover {
		shuffle(len(conns), func(i, j int) { conns[i], conns[j] = conns[j], conns[i] })
	}
	return conns
}

// Next reports whether another connection may be tried after err. Only errors
// on the server's side let it: what is wrong with the request is wrong
// everywhere. A call that changes the token (repeatable false) goes on only
// when err shows that it never reached one; otherwise it could be done twice.
func Next(err error, repeatable bool) bool {
	if fault.KindOf(err) != fault.Unavailable {
		return false
	}
	if repeatable || errors.Is(err, fault.Untried) {
		return true
	}
	switch fault.ReasonOf(err) {
	case fault.Refused, fault.Unreachable, fault.TLSRefused, fault.WrongSlot, fault.Incompatible,
		fault.PINIncorrect, fault.PINLocked, fault.PINExpired, fault.PINUnset, fault.PINMissing:
		return true
	default:
		return false
	}
}
