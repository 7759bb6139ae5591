// Package hmgwire is the gateway's protocol: frames, and the messages in them.
//
// It guarantees that whatever bytes arrive are either a whole, bounded message
// or an error, in time and memory in proportion to what was received, and that
// secrets in messages print as placeholders. It is shared by adapters/hmgclient
// and adapters/hmgserver, its two ends; docs/gateway-protocol.md describes it
// for those who write another. The functions and the codec are safe for
// concurrent use, a Reader belongs to one goroutine, a Sender to many.
package hmgwire

// Version is the version of the protocol that this package speaks. Another
// number means that the two ends cannot understand each other; what can be
// added without that (a field, a kind of request) does not change it.
const Version = 1

// Magic opens the first message of each side, so that neither takes something
// else that speaks TLS for its peer.
const Magic = "gatehouse-hmg"

// Limits of the protocol. A peer may announce less, never more.
const (
	MaxFrame      = 2 << 20  // bytes of a frame after its length
	MaxFirstFrame = 64 << 10 // the same, until a slot is open: who has shown no PIN gets no memory
	MaxChunk      = 64       // objects in one Objects frame
	MaxWindow     = 64       // Objects frames on the way without a Credit
	MaxText       = 1024     // bytes of a message or detail in a Refusal
)
