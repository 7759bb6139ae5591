package workers

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/ports/token"
)

// watchEvery is how often calls are looked for that take too long.
const watchEvery = 250 * time.Millisecond

// brief is how long a check waits for a worker that is being replaced.
const brief = time.Second

// watch kills workers whose calls take too long, until ctx ends.
func (s *Slot) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, m := range s.members {
			m.mu.Lock()
			w, now := m.worker, s.cfg.Now()
			overdue := w != nil && m.calls.overdue(now, s.cfg.Deadlines)
			doubtful := w != nil && m.calls.doubtful(now, s.cfg.Deadlines)
			m.mu.Unlock()
			if overdue || doubtful {
				m.suspect(w, errHung())
			}
			if overdue {
				s.log.Warn("a call hangs: the worker is killed", slog.Int("worker", m.number))
				w.Kill()
			}
		}
	}
}

func errHung() error {
	return fault.New(fault.Unavailable, "the HSM did not answer in time").Because(fault.TimedOut)
}

// judge notes whether any worker serves, after one has begun or ceased to.
func (s *Slot) judge(now time.Time, err error) {
	serving := false
	for _, m := range s.members {
		m.mu.Lock()
		serving = serving || m.serving
		m.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case serving:
		s.down = time.Time{}
	case s.down.IsZero():
		s.down = now
	}
	if err != nil {
		s.why = err
	}
	if serving || healing.Refused(err) {
		s.changes()
	}
}

// refuse records that the token does not accept the PIN. What serves goes on.
func (s *Slot) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = err
	}
	s.changes()
}

// heeds is refuse for an error that may say so, before anybody else shows the PIN.
func (s *Slot) heeds(err error) error {
	if healing.Refused(err) {
		s.refuse(err)
	}
	return err
}

func (s *Slot) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// pick returns the member that serves and has least to do, other than the one
// not to be used; a change or a search goes to the first that serves, for which
// the token's writes and searches are kept apart. Nil when none serves.
func (s *Slot) pick(c class, not *member) (*member, token.Worker) {
	var best *member
	var worker token.Worker
	var least int64
	for _, m := range s.members {
		if m == not {
			continue
		}
		load := m.load.Load()
		if best != nil && (c != operate || load >= least) {
			continue
		}
		m.mu.Lock()
		if m.serving && !m.doubted && m.worker != nil {
			best, worker, least = m, m.worker, load
		}
		m.mu.Unlock()
	}
	return best, worker
}

// await returns a member that serves, if need be when one does again: within
// ctx, and not when the slot has been down for long.
func (s *Slot) await(ctx context.Context, c class, not *member) (*member, token.Worker, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, fault.Wrap(fault.Unavailable, err, "the HSM did not answer in time").Because(fault.TimedOut).Untried()
		}
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if m, w := s.pick(c, not); m != nil {
			return m, w, nil
		}
		if m, w := s.pick(c, nil); m != nil { // the one that failed serves, so it was asked
			return m, w, nil
		}
		s.mu.Lock()
		why, refused, closed, down := s.why, s.refused, s.closed, s.down
		s.mu.Unlock()
		now := s.cfg.Now()
		left := s.cfg.Deadlines.Repair
		if !down.IsZero() {
			left -= now.Sub(down)
		}
		if c == ask { // who asks wants to know how it is now
			left = min(left, brief)
		}
		if end, ok := ctx.Deadline(); ok {
			left = min(left, end.Sub(now))
		}
		switch {
		case closed:
			return nil, nil, errClosed()
		case refused != nil:
			return nil, nil, refused
		case left <= 0:
			return nil, nil, errDown(why)
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// serving is a member that serves, with its worker.
type serving struct {
	*member

	worker token.Worker
}

// others returns the members that serve, but for one. Where there are some, and none
// serves, it waits for one as long as a call waits for a slot.
func (s *Slot) others(ctx context.Context, not *member) (list []serving) {
	timer := time.NewTimer(s.cfg.Deadlines.Repair)
	defer timer.Stop()
	for {
		s.mu.Lock()
		changed, closed := s.changed, s.closed
		s.mu.Unlock()
		for _, m := range s.members {
			m.mu.Lock()
			if m != not && m.serving && !m.doubted && m.worker != nil {
				list = append(list, serving{m, m.worker})
			}
			m.mu.Unlock()
		}
		if len(list) > 0 || len(s.members) == 1 || closed {
			return list
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// errDown returns the error of a call for which no worker serves.
func errDown(why error) error {
	return fault.Wrap(fault.Unavailable, why, "the HSM is out of service: it is being healed").Because(cmp.Or(fault.ReasonOf(why), fault.TokenFailed)).Untried()
}
