package hmg

import (
	"runtime"
	"sync"
)

// processors gives Go as many processors as there is to do at once: base for what
// is computed here, and one for each call that may wait for an HSM meanwhile.
type processors struct {
	base int

	mu    sync.Mutex
	waits map[uint]int
}

// opened says that so many calls can wait for what is in a slot.
func (p *processors) opened(slot uint, waits int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waits == nil {
		p.waits = map[uint]int{}
	}
	p.waits[slot] = waits
	n := p.base
	for _, w := range p.waits {
		n += w
	}
	if n != runtime.GOMAXPROCS(0) { // which would stop everything for a moment
		runtime.GOMAXPROCS(n)
	}
}
