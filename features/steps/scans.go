package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/adapters/dsmwire"
)

func scanSteps() []Step {
	return []Step{
		{When, `^the administrator has "([^"]*)" synced in the background$`, on1((*scenario).syncsInBackground)},
		{When, `^two administrators sync "([^"]*)" at once$`, on1((*scenario).syncsTwice)},
		{When, `^the administrator asks what a sync of "([^"]*)" would do$`, on1((*scenario).asksForPlan)},
		{When, `^the administrator has "([^"]*)" synced every (\d+) hours$`, on2((*scenario).syncsByItself)},
		{Given, `^"([^"]*)" is synced every (\d+) hours$`, on2((*scenario).syncByItself)},
		{When, `^the administrator has "([^"]*)" no longer synced by itself$`, on1((*scenario).syncsNoMore)},
		{Given, `^"([^"]*)" has been synced in the background (\d+) times$`, on2((*scenario).syncInBackgroundTimes)},
		{Then, `^the sync of "([^"]*)" ends well$`, on1((*scenario).scanSucceeds)},
		{Then, `^the sync of "([^"]*)" ends because the group is not connected$`, on1((*scenario).scanFails)},
		{Then, `^the history of "([^"]*)" shows (\d+) syncs?$`, on2((*scenario).historyShows)},
		{Then, `^the history of "([^"]*)" shows a warning about "([^"]*)"$`, on2((*scenario).historyWarns)},
		{Then, `^the plan has "([^"]*)" as (new|missing|back|moved|in conflict)$`, on2((*scenario).planned)},
		{Then, `^the plan has nothing to do$`, on0((*scenario).nothingPlanned)},
		{Then, `^"([^"]*)" is synced by itself every (\d+) hours$`, on2((*scenario).isSyncedByItself)},
		{Then, `^"([^"]*)" is not synced by itself$`, on1((*scenario).isNotSyncedByItself)},
		{Then, `^(\d+) keys? (?:is|are) left out$`, on1((*scenario).leftOut)},
	}
}

func (s *scenario) syncsInBackground(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	s.scan, err = s.admin.StartScan(ctx, g.GroupID)
	return s.did(err)
}

// ended waits until the scan of the scenario has ended.
func (s *scenario) ended(ctx context.Context, name string) (dsmwire.Scan, error) {
	g, err := s.group(name)
	if err != nil {
		return dsmwire.Scan{}, err
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		got, err := s.admin.ScanByID(ctx, g.GroupID, s.scan.ScanID)
		if err != nil || got.Result != nil {
			return got, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return got, fmt.Errorf("the sync has not ended: %w", ctx.Err())
		}
	}
}

func (s *scenario) syncInBackgroundTimes(ctx context.Context, name, times string) error {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	for range n {
		if err := errors.Join(s.syncsInBackground(ctx, name), s.outcome); err != nil {
			return err
		}
		if err := s.scanSucceeds(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) scanSucceeds(ctx context.Context, name string) error {
	got, err := s.ended(ctx, name)
	if err != nil {
		return err
	}
	if got.Result.Message != nil {
		return fmt.Errorf("the sync ended with %q", *got.Result.Message)
	}
	return expect("result", got.Result.Type, "Success")
}

func (s *scenario) scanFails(ctx context.Context, name string) error {
	got, err := s.ended(ctx, name)
	if err != nil {
		return err
	}
	if got.Result.Message == nil {
		return fmt.Errorf("the sync ended with %s and no message", got.Result.Type)
	}
	return errors.Join(expect("result", got.Result.Type, "Failed"), says("the message", *got.Result.Message, "Not Connected"))
}

func (s *scenario) history(ctx context.Context, name string) ([]dsmwire.Scan, error) {
	g, err := s.group(name)
	if err != nil {
		return nil, err
	}
	return s.admin.Scans(ctx, g.GroupID)
}

func (s *scenario) historyShows(ctx context.Context, name, count string) error {
	want, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	all, err := s.history(ctx, name)
	if err != nil {
		return err
	}
	return expect("syncs in the history", len(all), want)
}

func (s *scenario) historyWarns(ctx context.Context, name, label string) error {
	all, err := s.history(ctx, name)
	if err != nil {
		return err
	}
	for _, scan := range all {
		if slices.ContainsFunc(scan.Warnings, func(w dsmwire.ScanWarning) bool { return strings.Contains(w.Message, label) }) {
			return nil
		}
	}
	return fmt.Errorf("no warning about %q in the history", label)
}

// syncsTwice records how many keys two syncs at once report together.
func (s *scenario) syncsTwice(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	type reply struct {
		added []dsmwire.Sobject
		err   error
	}
	replies := make(chan reply)
	for range 2 {
		go func() {
			added, err := s.admin.Scan(ctx, g.GroupID)
			replies <- reply{added, err}
		}()
	}
	one, other := <-replies, <-replies
	s.found = len(one.added) + len(other.added)
	return s.did(errors.Join(one.err, other.err))
}

func (s *scenario) asksForPlan(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	s.plan, err = s.admin.SyncPlan(ctx, g.GroupID)
	return s.did(err)
}

func (s *scenario) planned(_ context.Context, name, as string) error {
	has := func(all []dsmwire.PlannedKey) bool {
		return slices.ContainsFunc(all, func(k dsmwire.PlannedKey) bool { return k.Name == name })
	}
	changed := slices.IndexFunc(s.plan.Changed, func(c dsmwire.PlannedChange) bool { return c.Name == name })
	found := false
	switch as {
	case "new":
		found = has(s.plan.Added)
	case "missing":
		found = has(s.plan.Missing)
	case "in conflict":
		found = has(s.plan.InConflict)
	case "back":
		found = changed >= 0 && s.plan.Changed[changed].Back
	case "moved":
		found = changed >= 0 && s.plan.Changed[changed].NewLabel != s.plan.Changed[changed].Label
	}
	return expect(fmt.Sprintf("the plan %+v has %q as %s", s.plan, name, as), found, true)
}

func (s *scenario) nothingPlanned(context.Context) error {
	return expect("changes planned", len(s.plan.Added)+len(s.plan.Changed)+len(s.plan.Missing)+len(s.plan.InConflict), 0)
}

func (s *scenario) syncByItself(ctx context.Context, name, hours string) error {
	h, err := strconv.Atoi(hours)
	if err != nil {
		return err
	}
	return s.change(ctx, name, dsmwire.GroupRequest{AutoScan: dsmwire.Removable[dsmwire.AutoScan]{Set: &dsmwire.AutoScan{ScanIntervalHours: h}}})
}

func (s *scenario) syncsByItself(ctx context.Context, name, hours string) error {
	return s.did(s.syncByItself(ctx, name, hours))
}

func (s *scenario) syncsNoMore(ctx context.Context, name string) error {
	return s.did(s.change(ctx, name, dsmwire.GroupRequest{AutoScan: dsmwire.Removable[dsmwire.AutoScan]{Remove: true}}))
}

// change changes a group.
func (s *scenario) change(ctx context.Context, name string, r dsmwire.GroupRequest) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	_, err = s.admin.UpdateGroup(ctx, g.GroupID, r)
	return err
}

func (s *scenario) isSyncedByItself(ctx context.Context, name, hours string) error {
	want, err := strconv.Atoi(hours)
	if err != nil {
		return err
	}
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	if g.AutoScan == nil {
		return fmt.Errorf("%q is not synced by itself", name)
	}
	return expect("hours between syncs", g.AutoScan.ScanIntervalHours, want)
}

func (s *scenario) isNotSyncedByItself(ctx context.Context, name string) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	return expect("synced by itself", g.AutoScan != nil, false)
}

func (s *scenario) leftOut(_ context.Context, count string) error {
	want, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	return expect("keys left out", s.skipped, want)
}
