package restapi

import (
	"context"
	"encoding/hex"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/grouping"
	"gatehouse/app/slotkeys"
	"gatehouse/app/syncing"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// links registers the API's calls about the HSM of a group.
func (s *server) links() {
	register(s, endpoint[dsmwire.HmgConfig, none]{
		ID: "CheckHmgConfig", Method: http.MethodPost, Path: "/sys/v1/groups/hmg/check", Tag: "Groups", Slow: true,
		Summary: "Test a connection before it is saved",
		Do: func(ctx context.Context, c *call[dsmwire.HmgConfig]) (none, error) {
			conn, err := connection(c.Body)
			if err != nil {
				return none{}, err
			}
			_, err = s.Grouping.CheckUnsaved(ctx, c.Caller, conn)
			return none{}, err
		},
	})
	register(s, endpoint[dsmwire.CheckHmgRequest, none]{
		ID: "CheckHmg", Method: http.MethodPost, Path: "/sys/v1/groups/{group_id}/hmg/check", Tag: "Groups", Slow: true, Optional: true,
		Summary: "Test a saved connection with its stored PIN, or a change of one",
		Do: func(ctx context.Context, c *call[dsmwire.CheckHmgRequest]) (none, error) {
			_, err := s.check(ctx, c)
			return none{}, err
		},
	})
	register(s, endpoint[dsmwire.ScanRequest, []dsmwire.Sobject]{
		ID: "ScanHmg", Method: http.MethodPost, Path: "/sys/v1/groups/{group_id}/hmg/scan", Tag: "Groups", Slow: true, Optional: true,
		Summary: "Sync the keys of a group with its HSM; the reply holds the new virtual keys",
		Do: func(ctx context.Context, c *call[dsmwire.ScanRequest]) ([]dsmwire.Sobject, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return nil, err
			}
			out, err := s.Syncing.Sync(ctx, c.Caller, gid, nil)
			return sobjects(out.Keys, everything), err
		},
	})
}

func (s *server) check(ctx context.Context, c *call[dsmwire.CheckHmgRequest]) (hsm.Info, error) {
	gid, err := pathID[id.Group](&c.request, "group_id")
	if err != nil {
		return hsm.Info{}, err
	}
	var cid id.Connection
	if c.Body.ID != "" {
		if cid, err = parseID[id.Connection](c.Body.ID, "id"); err != nil {
			return hsm.Info{}, err
		}
	}
	var changed *grouping.Connection
	if c.Body.Config != nil {
		read := changedConnection
		if cid == "" {
			read = connection
		}
		conn, err := read(*c.Body.Config)
		if err != nil {
			return hsm.Info{}, err
		}
		changed = &conn
	}
	return s.Grouping.CheckSaved(ctx, c.Caller, gid, cid, changed)
}

// connections registers Gatehouse's own calls about the HSM of a group.
func (s *server) connections() {
	const tag = "Gatehouse"
	register(s, endpoint[none, []dsmwire.ConnectionStatus]{
		ID: "ListConnections", Method: http.MethodGet, Path: "/gatehouse/v1/groups/{group_id}/connections", Tag: tag,
		Summary: "The state of every connection of a group, by priority, as it is known: no HSM is asked",
		Do: func(ctx context.Context, c *call[none]) ([]dsmwire.ConnectionStatus, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return nil, err
			}
			statuses, err := s.Grouping.Statuses(ctx, c.Caller, gid)
			return mapped(statuses, statusOf), err
		},
	})
	register(s, endpoint[dsmwire.CheckHmgRequest, dsmwire.TokenInfo]{
		ID: "CheckConnection", Method: http.MethodPost, Path: "/gatehouse/v1/groups/{group_id}/connections/check", Tag: tag, Slow: true,
		Summary: "Test a connection as hmg/check does, and show what the token says of itself", Optional: true,
		Do: func(ctx context.Context, c *call[dsmwire.CheckHmgRequest]) (dsmwire.TokenInfo, error) {
			info, err := s.check(ctx, c)
			return tokenInfoOf(info), err
		},
	})
	stream(s, streamed[dsmwire.ScanRequest, dsmwire.SyncEvent]{
		ID: "SyncGroup", Method: http.MethodPost, Path: "/gatehouse/v1/groups/{group_id}/sync", Tag: tag,
		Summary: "Sync the keys of a group with its HSM, told line by line as it goes",
		Do:      s.syncGroup,
		Failed: func(status int, message string) dsmwire.SyncEvent {
			return dsmwire.SyncEvent{Error: &dsmwire.SyncError{Status: status, Message: message}}
		},
	})
}

func statusOf(st slotkeys.Status) dsmwire.ConnectionStatus {
	out := dsmwire.ConnectionStatus{ID: string(st.Connection.ID), Config: hmgOf(st.Connection), ConnectionState: stateOf(st)}
	for _, d := range []struct {
		places []keysync.Place
		what   string
	}{{st.Difference.Missing, "missing"}, {st.Difference.Other, "another key"}} {
		for _, p := range d.places[:min(len(d.places), shownKeys)] {
			out.Different = append(out.Different, dsmwire.DifferentKey{SourceKeyID: hex.EncodeToString(p.CKAID), Label: string(p.Label), Difference: d.what})
		}
	}
	return out
}

// shownKeys is how many keys are named that are missing, and as many that are others.
const shownKeys = 20

func stateOf(st slotkeys.Status) dsmwire.ConnectionState {
	out := dsmwire.ConnectionState{
		State: string(st.State), Connected: st.State == slotkeys.Connected, Difference: st.Difference.String(),
		Since: dsmwire.NewTime(st.Since), Checked: dsmwire.NewTime(st.Checked),
	}
	if st.Err != nil {
		out.Reason, out.Message = string(fault.ReasonOf(st.Err)), fault.Message(st.Err)
	}
	return out
}

// summary is the state of a group as a whole: it is connected when one of its
// connections works. Empty for an ordinary group.
func summary(all []slotkeys.Status) slotkeys.State {
	var state slotkeys.State
	for _, st := range all {
		switch {
		case st.State == slotkeys.Connected:
			return slotkeys.Connected
		case state == "" || st.State == slotkeys.NotConnected:
			state = st.State
		}
	}
	return state
}

func tokenInfoOf(i hsm.Info) dsmwire.TokenInfo {
	return dsmwire.TokenInfo{
		Slot: uint64(i.Slot), Label: i.Label, Serial: i.Serial, Manufacturer: i.Manufacturer, Model: i.Model,
		Firmware: i.Firmware, Library: i.Library,
	}
}

func (s *server) syncGroup(ctx context.Context, c *call[dsmwire.ScanRequest], tell func(dsmwire.SyncEvent)) error {
	gid, err := pathID[id.Group](&c.request, "group_id")
	if err != nil {
		return err
	}
	out, err := s.Syncing.Sync(ctx, c.Caller, gid, func(p syncing.Progress) {
		tell(dsmwire.SyncEvent{Progress: &dsmwire.SyncProgress{Phase: string(p.Phase), Done: p.Done, Total: p.Total}})
	})
	if err != nil {
		return err
	}
	tell(dsmwire.SyncEvent{Outcome: &dsmwire.SyncOutcome{
		Objects: out.Objects, Added: sobjects(out.Keys, everything), Changed: out.Changed, Missing: out.Missing,
		Unchanged: out.Unchanged, Skipped: out.Skipped, Back: out.Back, Conflicts: out.Conflicts, Warnings: mapped(out.Warnings, warningOf),
	}})
	return nil
}
