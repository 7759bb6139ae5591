package syncing

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// job is a sync that runs in this process.
type job struct {
	done chan struct{} // closed when it has ended and is recorded
	stop func(cause error)

	mu       sync.Mutex
	scan     keysync.Scan
	progress Progress
	kept     bool // its beginning is stored
}

// now returns what is known of a job.
func (j *job) now() Running {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Running{Scan: j.scan, Progress: j.progress}
}

func (j *job) tell(p Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.progress = p
}

// turnFor waits until no sync of g runs, and begins one.
func (s *Service) turnFor(ctx context.Context, g id.Group, starter id.Principal) (*job, error) {
	for {
		j, other, err := s.begin(g, starter, false)
		if err != nil || other == nil {
			return j, err
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for another sync of this group").Because(fault.TimedOut)
		}
	}
}

// begin makes the caller the only one who syncs g, unless another sync runs: it
// returns that one then.
func (s *Service) begin(g id.Group, starter id.Principal, async bool) (mine, other *job, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errStopped()
	}
	if other, busy := s.running[g]; busy {
		return nil, other, nil
	}
	mine = &job{done: make(chan struct{}), stop: func(error) {}, scan: keysync.Scan{
		ID: id.Scan(s.cfg.NewID()), Group: g, Starter: starter, Async: async, StartedAt: s.cfg.Now(),
	}}
	s.running[g] = mine
	return mine, nil, nil
}

func errStopped() error {
	return fault.New(fault.Unavailable, "the service is being stopped; what the sync has recorded is kept: sync again")
}

// carryOut does the sync that j stands for, and ends j.
func (s *Service) carryOut(ctx context.Context, j *job, e ledger.Entry, progress func(Progress)) (Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	j.stop = cancel
	if s.closed {
		cancel(errStopped())
	}
	s.mu.Unlock()
	out, err := s.attempt(ctx, j, e, func(p Progress) {
		j.tell(p)
		progress(p)
	})
	if err != nil && ctx.Err() != nil && fault.Message(context.Cause(ctx)) != "" {
		err = context.Cause(ctx) // somebody has stopped it, and says why
	}
	if endErr := s.end(ctx, j, out, err); endErr != nil && err == nil {
		err = endErr
	}
	return out, err
}

// attempt syncs the group as its settings are now.
func (s *Service) attempt(ctx context.Context, j *job, e ledger.Entry, progress func(Progress)) (Outcome, error) {
	g, err := s.linked(ctx, j.scan.Group, func(groups.Group) error { return nil })
	if err != nil {
		return Outcome{}, err
	}
	return s.sync(ctx, j, g, e, progress)
}

// keep stores that j has begun, if that is not stored yet.
func (s *Service) keep(ctx context.Context, j *job) error {
	j.mu.Lock()
	kept, scan := j.kept, j.scan
	j.mu.Unlock()
	if kept {
		return nil
	}
	s.mu.Lock()
	late, was := s.unended[scan.Group]
	s.mu.Unlock()
	if was { // an earlier one, whose end could not be stored
		if err := s.cat.EndScan(ctx, late); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		s.mu.Lock()
		delete(s.unended, scan.Group)
		s.mu.Unlock()
	}
	if err := s.cat.BeginScan(ctx, scan); err != nil {
		return err
	}
	j.mu.Lock()
	j.kept = true
	j.mu.Unlock()
	return nil
}

// end ends j and stores how it has ended. Of a sync that somebody waited for,
// and that has found nothing new, nothing is stored.
func (s *Service) end(ctx context.Context, j *job, out Outcome, failure error) error {
	defer func() {
		s.mu.Lock()
		delete(s.running, j.scan.Group)
		s.mu.Unlock()
		close(j.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledger.RecordWithin)
	defer cancel()
	result, message := keysync.Succeeded, ""
	if failure != nil {
		result, message = keysync.Failed, fault.Message(failure)
		if message == "" {
			message = "internal error: see the service's log"
		}
		if errors.Is(failure, byHand) {
			result = keysync.Cancelled
		}
	}
	j.mu.Lock()
	ended := j.scan.End(s.cfg.Now(), result, message, out.Counts, out.Warnings)
	j.scan = ended
	kept := j.kept
	j.mu.Unlock()
	if !kept {
		if news, err := s.news(ctx, ended); err != nil || !news {
			return err
		}
		begun := ended
		begun.FinishedAt, begun.Result, begun.Message, begun.Counts, begun.Warnings = time.Time{}, keysync.Running, "", keysync.Counts{}, nil
		j.mu.Lock()
		j.scan = begun
		j.mu.Unlock()
		if err := s.keep(ctx, j); err != nil {
			return err
		}
	}
	err := s.cat.EndScan(ctx, ended)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		s.mu.Lock()
		s.unended[ended.Group] = ended
		s.mu.Unlock()
	}
	return err
}

// news reports whether a sync that recorded nothing is worth keeping: it has
// failed, or warns of something else than the one before.
func (s *Service) news(ctx context.Context, ended keysync.Scan) (bool, error) {
	if ended.Result != keysync.Succeeded {
		return true, nil
	}
	before, err := s.cat.ListScans(ctx, ended.Group)
	if err != nil {
		return false, err
	}
	var last []keysync.Warning
	if len(before) > 0 {
		last = before[0].Warnings
	}
	return !slices.EqualFunc(ended.Warnings, last, keysync.Warning.Equal), nil
}
