package syncing

import (
	"context"
	"errors"
	"slices"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// Running is a sync, and how far it is while it runs.
type Running struct {
	keysync.Scan
	Progress Progress
}

// Start begins a sync that nobody waits for, and returns it as it begins. While
// another sync of the group runs it returns that one: who asks later has the
// same keys brought in.
func (s *Service) Start(ctx context.Context, c access.Caller, gid id.Group) (Running, error) {
	return s.start(ctx, c, gid, func(ctx context.Context) error {
		_, err := s.managed(ctx, c, gid)
		return err
	})
}

// start begins a sync of a group that may be synced.
func (s *Service) start(ctx context.Context, c access.Caller, gid id.Group, may func(context.Context) error) (Running, error) {
	type answer struct {
		begun Running
		err   error
	}
	first := make(chan answer, 2) // the beginning, or why there is none; and the end, which nobody hears
	work := context.WithoutCancel(ctx)
	if !s.enter() {
		return Running{}, errStopped()
	}
	go func() {
		defer s.asyncs.Done()
		err := s.ledger.Change(work, entry(c, gid), func(e *ledger.Entry) error {
			if err := may(work); err != nil {
				return err
			}
			j, other, err := s.begin(gid, c.Principal, true)
			if err != nil {
				return err
			}
			if other != nil {
				first <- answer{begun: other.now()}
				e.About = "joined a sync that was running"
				return nil
			}
			if err := s.keep(work, j); err != nil {
				return errors.Join(err, s.end(work, j, Outcome{}, err))
			}
			first <- answer{begun: j.now()}
			_, err = s.carryOut(work, j, *e, func(Progress) {})
			return err
		})
		first <- answer{err: err}
	}()
	select {
	case a := <-first:
		return a.begun, a.err
	case <-ctx.Done():
		return Running{}, fault.Wrap(fault.Unavailable, ctx.Err(), "beginning a sync").Because(fault.TimedOut)
	}
}

// enter makes Close wait for the caller, unless it is too late.
func (s *Service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.asyncs.Add(1)
	}
	return !s.closed
}

// cause tells why a sync was stopped.
type cause string

const byHand cause = "somebody has cancelled it"

func (c cause) Error() string { return string(c) }

func errCancelled() error {
	return fault.Wrap(fault.Conflict, byHand, "the sync was cancelled; what it has recorded is kept")
}

// Cancel cancels a sync that runs, and returns when it has ended. Conflict when
// it does not run.
func (s *Service) Cancel(ctx context.Context, c access.Caller, gid id.Group, scan id.Scan) error {
	e := entry(c, gid)
	e.Action = "group sync cancel"
	return s.ledger.Change(ctx, e, func(*ledger.Entry) error {
		if _, err := s.managed(ctx, c, gid); err != nil {
			return err
		}
		s.mu.Lock()
		j, runs := s.running[gid]
		if runs = runs && j.now().ID == scan; runs {
			j.stop(errCancelled())
		}
		s.mu.Unlock()
		if !runs {
			if _, err := s.cat.Scan(ctx, gid, scan); err != nil {
				return err
			}
			return fault.New(fault.Conflict, "the scan has ended already")
		}
		select {
		case <-j.done:
			return nil
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for the sync to end").Because(fault.TimedOut)
		}
	})
}

// Scans returns the syncs of a group, the newest first: the one that runs, and
// the last that have ended.
func (s *Service) Scans(ctx context.Context, c access.Caller, gid id.Group) ([]Running, error) {
	if _, err := s.linked(ctx, gid, func(g groups.Group) error { return access.SeeGroup(c, g.Account, g.ID) }); err != nil {
		return nil, err
	}
	now := s.at(gid) // before the store is asked: it may end meanwhile
	stored, err := s.cat.ListScans(ctx, gid)
	if err != nil {
		return nil, err
	}
	all := make([]Running, 0, len(stored)+1)
	if now != nil && !slices.ContainsFunc(stored, func(st keysync.Scan) bool { return st.ID == now.ID }) {
		all = append(all, *now)
	}
	for _, st := range stored {
		r := Running{Scan: st}
		if now != nil && st.ID == now.ID && st.Result == keysync.Running {
			r.Progress = now.Progress
		}
		all = append(all, r)
	}
	return all, nil
}

// Scan returns one of them; NotFound "scan does not exist".
func (s *Service) Scan(ctx context.Context, c access.Caller, gid id.Group, scan id.Scan) (Running, error) {
	all, err := s.Scans(ctx, c, gid)
	if err != nil {
		return Running{}, err
	}
	for _, r := range all {
		if r.ID == scan {
			return r, nil
		}
	}
	return Running{}, fault.New(fault.NotFound, "scan does not exist")
}

// at returns the sync of g that runs in this process; nil when there is none.
func (s *Service) at(g id.Group) *Running {
	s.mu.Lock()
	j, runs := s.running[g]
	s.mu.Unlock()
	if !runs {
		return nil
	}
	r := j.now()
	return &r
}

// Interrupted ends the syncs that an earlier process left unended: they are
// not taken up again, because what they have recorded is kept and the next sync
// goes on from there. Called before the first sync of this process.
func (s *Service) Interrupted(ctx context.Context) error {
	left, err := s.cat.RunningScans(ctx)
	errs := []error{err}
	for _, scan := range left {
		if s.at(scan.Group) != nil {
			continue
		}
		g, err := s.cat.Group(ctx, scan.Group)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "recovery"}, Account: g.Account}
		e := entry(system, scan.Group)
		e.Action = "group sync ended"
		const why = "the service was stopped while the sync ran; what it had recorded is kept: sync again"
		errs = append(errs, s.cat.EndScan(ctx, scan.End(s.cfg.Now(), keysync.Failed, why, keysync.Counts{}, nil)), s.ledger.Noted(ctx, e, why))
	}
	return errors.Join(errs...)
}

// SyncDue syncs the groups that are synced by themselves and whose time has
// come, one after the other. What fails is in the group's history and in the
// audit log, and tried again later.
func (s *Service) SyncDue(ctx context.Context) error {
	all, err := s.cat.ListGroups(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		if ctx.Err() != nil || g.AutoScan <= 0 || !g.Kind.HSM() || s.at(g.ID) != nil {
			continue
		}
		before, err := s.cat.ListScans(ctx, g.ID)
		if err != nil || !keysync.Due(g.AutoScan, before, s.cfg.Now()) {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, s.syncAlone(ctx, g))
	}
	return errors.Join(errs...)
}

// syncAlone does a sync that nobody has asked for.
func (s *Service) syncAlone(ctx context.Context, g groups.Group) error {
	system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "automatic sync"}, Account: g.Account}
	return s.ledger.Change(ctx, entry(system, g.ID), func(e *ledger.Entry) error {
		j, other, err := s.begin(g.ID, system.Principal, true)
		if err != nil || other != nil {
			return err
		}
		if err := s.keep(ctx, j); err != nil {
			return errors.Join(err, s.end(ctx, j, Outcome{}, err))
		}
		_, err = s.carryOut(ctx, j, *e, func(Progress) {})
		return err
	})
}

// Close stops the syncs that run, and waits for those that nobody waits for.
// Later ones are refused.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for _, j := range s.running {
		j.stop(errStopped())
	}
	s.mu.Unlock()
	s.asyncs.Wait()
}
