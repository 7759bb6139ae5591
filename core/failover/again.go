package failover

import (
	"errors"
	"time"

	"gatehouse/core/fault"
)

// pauses before further rounds over the connections of a group: six seconds
// together, in which a load balancer notices that a gateway is ill, or a gateway
// heals itself.
var pauses = []time.Duration{
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond,
	750 * time.Millisecond, 750 * time.Millisecond, 750 * time.Millisecond,
	750 * time.Millisecond, 750 * time.Millisecond, 750 * time.Millisecond, 750 * time.Millisecond,
}

// Lasting is how long a failure may have lasted for another round to be worth
// its while: what is down for longer is told at once.
const Lasting = 8 * time.Second

// Again tells whether a request that can be repeated, and has failed with err on
// every connection of its group, is worth another round after so many rounds,
// and how long to wait for it. Only what stood in the way behind a gateway, or
// broke under way, may have gone by then: behind a load balancer the same
// connection may lead to another gateway. Nobody who listens, a PIN that is
// refused, and an HSM that has too much to do are told at once; but one that has
// failed just now may be busy with healing. A request during which an HSM's
// library ended is made once more and no further: it may be what ends it.
func Again(err error, rounds int) (pause time.Duration, worth bool) {
	if fault.KindOf(err) != fault.Unavailable || Busy(err) && rounds == 0 || rounds >= len(pauses) {
		return 0, false
	}
	switch fault.ReasonOf(err) {
	case fault.Unspecified, fault.TimedOut, fault.TokenGone, fault.TokenFailed:
		return pauses[rounds], true
	case fault.LibraryDown:
		return pauses[rounds], rounds == 0 || errors.Is(err, fault.Untried)
	default:
		return 0, false
	}
}
