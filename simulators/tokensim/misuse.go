package tokensim

import (
	"fmt"
	"slices"
)

// MisuseKind tells what a caller did that it must not do.
type MisuseKind string

// What is recorded.
const (
	UseAfterClose MisuseKind = "use after close"
	DoubleDestroy MisuseKind = "destroyed again"  // after a Destroy of the same key that was reported as done
	SearchLeft    MisuseKind = "search left open" // yield left an inventory by a panic or runtime.Goexit
	NotClosed     MisuseKind = "never closed"     // a Token that is open when Misuse is asked
)

// Misuse is one thing that a caller did and must not do.
type Misuse struct {
	Kind   MisuseKind
	Detail string
}

// Misuse returns what callers did that they must not do. A test asks for it at
// its end, when it has closed everything, and fails unless it is empty.
func (s *Slot) Misuse() []Misuse {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.Clone(s.misuse)
	if n := len(s.open); n > 0 {
		found = append(found, Misuse{NotClosed, fmt.Sprintf("%d of the Tokens that Open returned", n)})
	}
	return found
}

func (s *Slot) record(k MisuseKind, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misuse = append(s.misuse, Misuse{k, detail})
}
