package hmgwire

import (
	"io"
	"runtime"
	"sync"
)

// A Sender joins frames that are ready together into one write, and so into
// one TLS record: that is where a multiplexed connection saves its work.
//
// Send is for many goroutines; Run is the one that writes.
type Sender struct {
	w    io.Writer
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	less    sync.Cond // something was written, or nothing more will be
	pending []byte
	writing bool
	unsent  int   // bytes that are being written
	err     error // why nothing more is sent
}

// These bound what a Sender keeps and how it groups.
const (
	joined   = 16 << 10 // bytes that fill a TLS record: more is not waited for
	keptIdle = 1 << 20  // bytes of buffer kept between writes
)

// NewSender returns a Sender that writes to w. Somebody must call Run.
func NewSender(w io.Writer) *Sender {
	s := &Sender{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.less.L = &s.mu
	return s
}

// Send takes frames (which it copies) to be written soon, in order.
func (s *Sender) Send(frames []byte) error {
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	first := len(s.pending) == 0
	s.pending = append(s.pending, frames...)
	s.mu.Unlock()
	if first {
		s.nudge()
	}
	return nil
}

// SendNow writes frames before it returns, in the caller's goroutine, when
// nothing else waits; otherwise it is Send.
func (s *Sender) SendNow(frames []byte) error {
	s.mu.Lock()
	if s.err != nil || s.writing || len(s.pending) > 0 {
		s.mu.Unlock()
		return s.Send(frames)
	}
	return s.write(frames)
}

// Run writes what is sent until a write fails or Stop is called, and returns why.
func (s *Sender) Run() error {
	var spare []byte
	for {
		select {
		case <-s.wake:
		case <-s.done:
			return s.Err()
		}
		s.mu.Lock()
		// Whoever is about to send as well may do so first.
		for n, last := len(s.pending), 0; n > last && n < joined; last, n = n, len(s.pending) {
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		}
		if s.writing || len(s.pending) == 0 {
			s.mu.Unlock() // who writes in place nudges when done
			continue
		}
		batch := s.pending
		s.pending = spare[:0]
		if err := s.write(batch); err != nil {
			return err
		}
		if spare = batch; cap(spare) > keptIdle {
			spare = nil
		}
	}
}

// write writes b and unlocks mu, which must be locked.
func (s *Sender) write(b []byte) error {
	s.writing, s.unsent = true, len(b)
	s.mu.Unlock()

	_, err := s.w.Write(b)

	s.mu.Lock()
	s.writing, s.unsent = false, 0
	more := len(s.pending) > 0
	s.less.Broadcast()
	s.mu.Unlock()
	if err != nil {
		s.Stop(err)
		return err
	}
	if more {
		s.nudge()
	}
	return nil
}

// Backlog returns how many bytes wait to be written.
func (s *Sender) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsent + len(s.pending)
}

// WaitBelow waits until fewer than n bytes wait to be written, or the Sender stops.
func (s *Sender) WaitBelow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && (s.unsent+len(s.pending) >= n) {
		s.less.Wait()
	}
}

// Stop makes Run return and every further Send fail with err.
func (s *Sender) Stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		s.less.Broadcast()
		close(s.done)
	}
}

// Err returns why the Sender stopped; nil while it has not.
func (s *Sender) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
