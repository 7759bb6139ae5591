package restapi

import (
	"context"
	"net/http"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/grouping"
	"gatehouse/core/fault"
	"gatehouse/core/filter"
	"gatehouse/core/groups"
	"gatehouse/core/id"
)

// groupRequest makes or changes a group. Policies that Gatehouse does not have
// are refused when they ask for something.
type groupRequest struct {
	dsmwire.GroupRequest
	ApprovalPolicy      unbuilt `json:"approval_policy,omitzero"`
	ClientConfig        unbuilt `json:"client_configurations,omitzero"`
	CryptographicPolicy unbuilt `json:"cryptographic_policy,omitzero"`
	CustodianPolicy     unbuilt `json:"custodian_policy,omitzero"`
	ExportPolicy        unbuilt `json:"export_policy,omitzero"`
	GooglePolicy        unbuilt `json:"google_access_reason_policy,omitzero"`
	KeyMetadataPolicy   unbuilt `json:"key_metadata_policy,omitzero"`
	WrappingKeyName     unbuilt `json:"wrapping_key_name,omitzero"`
}

func (r groupRequest) check() error {
	return refuseUnbuilt(
		named{"approval_policy", r.ApprovalPolicy}, named{"client_configurations", r.ClientConfig},
		named{"cryptographic_policy", r.CryptographicPolicy}, named{"custodian_policy", r.CustodianPolicy},
		named{"export_policy", r.ExportPolicy}, named{"google_access_reason_policy", r.GooglePolicy},
		named{"key_metadata_policy", r.KeyMetadataPolicy},
		named{"wrapping_key_name", r.WrappingKeyName},
	)
}

// redundancy reads hmg_redundancy; nil when it is not given.
func (r groupRequest) redundancy() *groups.Redundancy {
	scheme := groups.AnyOrder
	switch {
	case r.HmgRedundancy.Set != nil:
		scheme = groups.Redundancy(*r.HmgRedundancy.Set) // the use case refuses what is unknown
	case !r.HmgRedundancy.Remove:
		return nil
	}
	return &scheme
}

// autoScan reads auto_scan as hours, 0 for none; nil when it is not given.
func (r groupRequest) autoScan() (*int, error) {
	hours := 0
	switch {
	case r.AutoScan.Set != nil:
		hours = r.AutoScan.Set.ScanIntervalHours
		if hours < 1 || hours > 255 {
			return nil, fault.New(fault.Invalid, "auto_scan.scan_interval_hours must be 1 to 255")
		}
	case !r.AutoScan.Remove:
		return nil, nil
	}
	return &hours, nil
}

// undoWindow reads key_history_policy, 0 for none; nil when it is not given.
func (r groupRequest) undoWindow() (*time.Duration, error) {
	var window time.Duration
	switch p := r.KeyHistoryPolicy; {
	case p.Set != nil:
		if p.Set.UndoTimeWindow < 0 || p.Set.UndoTimeWindow > int64(time.Hour/time.Second)*24*3660 {
			return nil, fault.New(fault.Invalid, "undo_time_window must be a number of seconds, at most ten years")
		}
		window = time.Duration(p.Set.UndoTimeWindow) * time.Second
	case !p.Remove:
		return nil, nil
	}
	return &window, nil
}

func (r groupRequest) added() ([]grouping.Connection, error) {
	var added []grouping.Connection
	for _, h := range r.AddHmg {
		c, err := connection(h)
		if err != nil {
			return nil, err
		}
		added = append(added, c)
	}
	return added, nil
}

func (r groupRequest) newGroup() (grouping.NewGroup, error) {
	if err := r.check(); err != nil {
		return grouping.NewGroup{}, err
	}
	if len(r.ModHmg) > 0 || len(r.DelHmg) > 0 {
		return grouping.NewGroup{}, fault.New(fault.Invalid, "a new group has no connections to change: use add_hmg")
	}
	hours, err := r.autoScan()
	if err != nil {
		return grouping.NewGroup{}, err
	}
	window, err := r.undoWindow()
	if err != nil {
		return grouping.NewGroup{}, err
	}
	added, err := r.added()
	return grouping.NewGroup{
		Name: or(r.Name, ""), Description: or(r.Description, ""), Metadata: or(r.CustomMetadata, nil), Connections: added,
		Redundancy: or(r.redundancy(), groups.AnyOrder), AutoScan: or(hours, 0), UndoWindow: or(window, 0),
		Policy: groups.Policy{WriteBack: or(r.HmgSync, false), OwnKeysOnly: or(r.HmgSegregation, false)},
	}, err
}

func (r groupRequest) change() (grouping.Change, error) {
	ch := grouping.Change{
		Name: r.Name, Description: r.Description, Metadata: r.CustomMetadata, Redundancy: r.redundancy(),
		WriteBack: r.HmgSync, OwnKeysOnly: r.HmgSegregation, Modify: map[id.Connection]grouping.Connection{},
	}
	if err := r.check(); err != nil {
		return ch, err
	}
	var err error
	if ch.AutoScan, err = r.autoScan(); err != nil {
		return ch, err
	}
	if ch.UndoWindow, err = r.undoWindow(); err != nil {
		return ch, err
	}
	if ch.Add, err = r.added(); err != nil {
		return ch, err
	}
	for key, h := range r.ModHmg {
		cid, err := parseID[id.Connection](key, "a key of mod_hmg")
		if err != nil {
			return ch, err
		}
		if ch.Modify[cid], err = changedConnection(h); err != nil {
			return ch, err
		}
	}
	for _, del := range r.DelHmg {
		cid, err := parseID[id.Connection](del, "del_hmg")
		if err != nil {
			return ch, err
		}
		ch.Remove = append(ch.Remove, cid)
	}
	return ch, nil
}

func (s *server) groupOf(g groups.Group) dsmwire.Group {
	r := dsmwire.Group{
		GroupID: string(g.ID), AcctID: string(g.Account), Name: g.Name, Description: g.Description, CreatedAt: dsmwire.NewTime(g.CreatedAt),
		Creator: creator(g.Creator), CustomMetadata: g.Metadata, HmgRedundancy: string(g.Redundancy),
	}
	if g.UndoWindow > 0 {
		r.KeyHistoryPolicy = &dsmwire.KeyHistoryPolicy{UndoTimeWindow: int64(g.UndoWindow / time.Second)}
	}
	if g.Kind.HSM() {
		r.HmgSegregation, r.HmgSync, r.Hmg = &g.Policy.OwnKeysOnly, &g.Policy.WriteBack, map[string]dsmwire.HmgConfig{}
		for _, c := range g.Connections {
			r.Hmg[string(c.ID)] = hmgOf(c)
		}
		if g.AutoScan > 0 {
			r.AutoScan = &dsmwire.AutoScan{ScanIntervalHours: g.AutoScan}
		}
		r.HmgStatus = map[string]dsmwire.ConnectionState{}
		for _, st := range s.Grouping.State(g) {
			r.HmgStatus[string(st.Connection.ID)] = stateOf(st)
		}
	}
	return r
}

var groupSorting = sorting[groups.Group]{
	param: "sort_by",
	fields: map[string]sortField[groups.Group]{
		"group_id":   {key: func(g groups.Group) string { return string(g.ID) }, start: "previous_id"},
		"group_name": {key: func(g groups.Group) string { return g.Name }, start: "previous_sort_value"},
	},
	created: func(g groups.Group) time.Time { return g.CreatedAt },
	id:      func(g groups.Group) string { return string(g.ID) },
	filter: filter.Fields[groups.Group]{Named: map[string]filter.Field[groups.Group]{
		"name":              textField(func(g groups.Group) string { return g.Name }),
		"description":       textField(func(g groups.Group) string { return g.Description }),
		"wrapping_key_name": textField(func(groups.Group) string { return "" }), // no group has one
		"created_at":        timeField(func(g groups.Group) time.Time { return g.CreatedAt }),
	}},
}

// groups registers /sys/v1/groups.
func (s *server) groups() {
	const one = "/sys/v1/groups/{group_id}"
	register(s, endpoint[none, listing[dsmwire.Group]]{
		ID: "ListGroups", Method: http.MethodGet, Path: "/sys/v1/groups", Tag: "Groups", Summary: "The groups that the caller may know of",
		Query: []param{
			limitParam, offsetParam, tokenParam, filterParam,
			{Name: "sort_by", Doc: "group_id or group_name, :asc or :desc"},
			{Name: "previous_id"},
			{Name: "previous_sort_value"},
		},
		Do: func(ctx context.Context, c *call[none]) (listing[dsmwire.Group], error) {
			p, err := groupSorting.page(c.query())
			if err != nil {
				return listing[dsmwire.Group]{}, err
			}
			all, err := s.Grouping.List(ctx, c.Caller)
			return listingOf(p, all, s.groupOf), err
		},
	})
	register(s, endpoint[groupRequest, dsmwire.Group]{
		ID: "CreateGroup", Method: http.MethodPost, Path: "/sys/v1/groups", Tag: "Groups", Status: http.StatusCreated,
		Summary: "Make a group; with connections, one whose keys live in an HSM",
		Do: func(ctx context.Context, c *call[groupRequest]) (dsmwire.Group, error) {
			n, err := c.Body.newGroup()
			if err != nil {
				return dsmwire.Group{}, err
			}
			g, err := s.Grouping.Create(ctx, c.Caller, n)
			return s.groupOf(g), err
		},
	})
	register(s, endpoint[none, dsmwire.Group]{
		ID: "GetGroup", Method: http.MethodGet, Path: one, Tag: "Groups", Summary: "A group",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.Group, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return dsmwire.Group{}, err
			}
			g, err := s.Grouping.Group(ctx, c.Caller, gid)
			return s.groupOf(g), err
		},
	})
	register(s, endpoint[groupRequest, dsmwire.Group]{
		ID: "UpdateGroup", Method: http.MethodPatch, Path: one, Tag: "Groups", Summary: "Change a group",
		Do: func(ctx context.Context, c *call[groupRequest]) (dsmwire.Group, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return dsmwire.Group{}, err
			}
			ch, err := c.Body.change()
			if err != nil {
				return dsmwire.Group{}, err
			}
			g, err := s.Grouping.Update(ctx, c.Caller, gid, ch)
			return s.groupOf(g), err
		},
	})
	register(s, endpoint[none, none]{
		ID: "DeleteGroup", Method: http.MethodDelete, Path: one, Tag: "Groups", Summary: "Delete a group that holds no keys",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return none{}, err
			}
			return none{}, s.Grouping.Delete(ctx, c.Caller, gid)
		},
	})
}
