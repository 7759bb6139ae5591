package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/adapters/dsmwire"
)

func syncSteps() []Step {
	return []Step{
		{When, `^the administrator syncs "([^"]*)"$`, on1((*scenario).syncs)},
		{When, `^the administrator syncs "([^"]*)" and watches$`, on1((*scenario).syncsWatching)},
		{When, `^the administrator syncs "([^"]*)" three times$`, on1((*scenario).syncsThrice)},
		{Given, `^"([^"]*)" has been synced again$`, on1((*scenario).sync)},
		{Given, `^"([^"]*)" misses the key "([^"]*)", which somebody deleted in the HSM$`, on2((*scenario).misses)},
		{Given, `^"([^"]*)" misses the key "([^"]*)", which somebody deleted in the HSM and has restored$`, on2((*scenario).missed)},
		{Then, `^(\d+) new keys? (?:is|are) reported$`, on1((*scenario).newKeys)},
		{Then, `^progress was told before the end$`, on0((*scenario).progressTold)},
		{Then, `^there is a warning about "([^"]*)"$`, on1((*scenario).warned)},
	}
}

// sync has the administrator sync a group.
func (s *scenario) sync(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	added, err := s.admin.Scan(ctx, g.GroupID)
	s.found = len(added)
	return err
}

// misses has a key deleted in the HSM, and a sync notice it.
func (s *scenario) misses(ctx context.Context, group, name string) error {
	if err := s.somebodyDeletes(ctx, name); err != nil {
		return err
	}
	if err := s.sync(ctx, group); err != nil {
		return err
	}
	return s.isMissing(ctx, name)
}

func (s *scenario) syncs(ctx context.Context, name string) error { return s.did(s.sync(ctx, name)) }

func (s *scenario) syncsWatching(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	out, err := s.admin.Sync(ctx, g.GroupID, func(p dsmwire.SyncProgress) { s.progress = append(s.progress, p) })
	s.found, s.warnings, s.skipped = len(out.Added), out.Warnings, out.Skipped
	return s.did(err)
}

// syncsThrice records how the last of three syncs ended.
func (s *scenario) syncsThrice(ctx context.Context, name string) error {
	for range 3 {
		if err := s.syncs(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) newKeys(_ context.Context, count string) error {
	want, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	return expect("new keys reported", s.found, want)
}

func (s *scenario) progressTold(context.Context) error {
	for _, p := range s.progress {
		if p.Done > 0 && p.Done < s.found {
			return nil
		}
	}
	return fmt.Errorf("got the progress %v, want some that is not the end of %d keys", s.progress, s.found)
}

// warned looks for a warning that names the object by its CKA_ID, or by its
// class where it has none.
func (s *scenario) warned(_ context.Context, label string) error {
	if s.outcome != nil {
		return s.outcome
	}
	found, err := s.labelled(label)
	if err != nil {
		return err
	}
	o := found[0]
	for _, w := range s.warnings {
		if w.SourceKeyID == fmt.Sprintf("%x", o.ID) && (len(o.ID) > 0 || strings.Contains(w.Message, string(o.Class))) {
			return nil
		}
	}
	return fmt.Errorf("no warning about the %s %q", o.Class, label)
}

// missed is misses of a key that is in the HSM again since.
func (s *scenario) missed(ctx context.Context, group, key string) error {
	if err := s.misses(ctx, group, key); err != nil {
		return err
	}
	return s.somebodyRestores(ctx, key)
}
