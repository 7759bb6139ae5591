package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type listGroups struct{}

// Run lists groups.
func (listGroups) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		all, err := c.Groups(ctx)
		if err != nil {
			return err
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"GROUP ID", "NAME", "KIND", "CONNECTIONS", "DESCRIPTION"}}
			for _, g := range all {
				table.Add(g.GroupID, g.Name, kindOf(g), connected(g), g.Description)
			}
			return table.Write(w, "No groups.")
		})
	})
}

// kindOf tells where the keys of a group live.
func kindOf(g dsmwire.Group) string {
	kinds := map[string]bool{}
	for _, h := range g.Hmg {
		kinds[h.Kind] = true
	}
	if len(kinds) == 0 {
		return "ordinary"
	}
	return strings.Join(sorted(kinds), ", ")
}

// connected counts the connections that work.
func connected(g dsmwire.Group) string {
	if len(g.Hmg) == 0 {
		return ""
	}
	working := 0
	for _, s := range g.HmgStatus {
		if s.Connected {
			working++
		}
	}
	return strconv.Itoa(working) + " of " + strconv.Itoa(len(g.Hmg)) + " work"
}

// oneGroup names a group.
type oneGroup struct {
	GroupID string `help:"UUID of the group." name:"group-id" placeholder:"UUID" required:"" xor:"group"`
	Name    string `help:"Name of the group." placeholder:"NAME" required:"" xor:"group"`
}

func (g oneGroup) find(ctx context.Context, c *dsmclient.Client) (string, error) {
	if g.GroupID != "" {
		return groupID(ctx, c, g.GroupID)
	}
	return groupID(ctx, c, g.Name)
}

// onGroup makes calls about a group.
func (t *tool) onGroup(ctx context.Context, g oneGroup, as role, do func(context.Context, *dsmclient.Client, string) error) error {
	return t.use(ctx, as, func(ctx context.Context, c *dsmclient.Client) error {
		id, err := g.find(ctx, c)
		if err != nil {
			return err
		}
		return do(ctx, c, id)
	})
}

type showGroup struct{ oneGroup }

// Run shows a group.
func (s showGroup) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, s.oneGroup, either, func(ctx context.Context, c *dsmclient.Client, id string) error {
		g, err := c.Group(ctx, id)
		if err != nil {
			return err
		}
		return t.show(g, func(w io.Writer) error { return groupProperties(g).Write(w) })
	})
}

func groupProperties(g dsmwire.Group) *render.Properties {
	p := &render.Properties{}
	p.Add("group_id", g.GroupID)
	p.Add("name", g.Name)
	p.Add("description", g.Description)
	p.Add("kind", kindOf(g))
	p.Add("creator", principal(g.Creator))
	p.Add("created", date(g.CreatedAt))
	if len(g.Hmg) > 0 {
		p.Add("apply changes to the HSM", yes(g.HmgSync != nil && *g.HmgSync))
		p.Add("only keys made here", yes(g.HmgSegregation != nil && *g.HmgSegregation))
		if g.AutoScan != nil {
			p.Add("syncs by itself", fmt.Sprintf("every %d hours", g.AutoScan.ScanIntervalHours))
		}
		p.Add("order of connections", orElse(g.HmgRedundancy, "random"))
	}
	for _, id := range slices.SortedFunc(maps.Keys(g.Hmg), func(a, b string) int { return order(g.Hmg[a]) - order(g.Hmg[b]) }) {
		h, s := g.Hmg[id], g.HmgStatus[id]
		p.Add("connection "+id, strings.Join(slices.DeleteFunc([]string{h.Kind, h.URL, slotOf(h), s.State, s.Reason},
			func(s string) bool { return s == "" }), ", "))
	}
	for _, name := range sorted(g.CustomMetadata) {
		p.Add("metadata "+name, g.CustomMetadata[name])
	}
	return p
}

func order(h dsmwire.HmgConfig) int {
	if h.HSMOrder == nil {
		return 0
	}
	return int(*h.HSMOrder)
}

func slotOf(h dsmwire.HmgConfig) string {
	if h.Slot == nil {
		return ""
	}
	return "slot " + strconv.FormatUint(*h.Slot, 10)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// groupFlags are what of a group can be set.
type groupFlags struct {
	Description    string `help:"A description." placeholder:"TEXT"`
	HmgSync        string `enum:",on,off" default:"" help:"on: apply changes of virtual keys to the HSM." name:"hmg-sync" placeholder:"on|off"`
	HmgSegregation string `enum:",on,off" default:"" help:"on: a sync takes only keys that were made through this group." name:"hmg-segregation" placeholder:"on|off"`
	AutoScan       string `help:"Sync by itself every so many hours, 1 to 255; off: only when asked." name:"auto-scan" placeholder:"HOURS|off"`
	HmgRedundancy  string `enum:",PriorityFailover,random" default:"" help:"Order in which connections are tried: PriorityFailover goes by --hsm-order." name:"hmg-redundancy" placeholder:"ORDER"`
	CustomMetadata string `help:"Custom metadata: a JSON object of strings." name:"custom-metadata" placeholder:"JSON"`
}

func (f groupFlags) fill(r *dsmwire.GroupRequest) (err error) {
	r.Description = given(f.Description)
	r.HmgSync, r.HmgSegregation = onOff(f.HmgSync), onOff(f.HmgSegregation)
	switch hours, wrong := strconv.Atoi(f.AutoScan); {
	case f.AutoScan == "off":
		r.AutoScan.Remove = true
	case f.AutoScan == "":
	case wrong != nil:
		return fault.New(fault.Invalid, "--auto-scan must be a number of hours, or off")
	default:
		r.AutoScan.Set = &dsmwire.AutoScan{ScanIntervalHours: hours}
	}
	switch f.HmgRedundancy {
	case "random":
		r.HmgRedundancy.Remove = true
	case "":
	default:
		r.HmgRedundancy.Set = &f.HmgRedundancy
	}
	r.CustomMetadata, err = metadata(f.CustomMetadata)
	return err
}

func onOff(s string) *bool {
	if s == "" {
		return nil
	}
	return ptr(s == "on")
}

type createGroup struct {
	Name string `help:"Name of the group." placeholder:"NAME" required:""`

	groupFlags
	connectionFlags
}

// Run makes a group; with a connection, an HSM group.
func (g createGroup) Run(ctx context.Context, t *tool) error {
	r := dsmwire.GroupRequest{Name: &g.Name}
	if err := g.fill(&r); err != nil {
		return err
	}
	if g.given() {
		h, err := g.config(t, true)
		if err != nil {
			return err
		}
		r.AddHmg = []dsmwire.HmgConfig{h}
	}
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		made, err := c.CreateGroup(ctx, r)
		if err != nil {
			return err
		}
		return t.showID(made.GroupID, made)
	})
}

type updateGroup struct {
	oneGroup
	groupFlags

	NewName string `help:"Give it this name." name:"new-name" placeholder:"NAME"`
}

// Run changes a group.
func (g updateGroup) Run(ctx context.Context, t *tool) error {
	r := dsmwire.GroupRequest{Name: given(g.NewName)}
	if err := g.fill(&r); err != nil {
		return err
	}
	return t.changeGroup(ctx, g.oneGroup, r)
}

// changeGroup changes a group and tells its id.
func (t *tool) changeGroup(ctx context.Context, g oneGroup, r dsmwire.GroupRequest) error {
	return t.onGroup(ctx, g, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		changed, err := c.UpdateGroup(ctx, id, r)
		if err != nil {
			return err
		}
		return t.showID(changed.GroupID, changed)
	})
}

type deleteGroup struct {
	GroupID string `help:"UUID of the group." name:"group-id" placeholder:"UUID"`
	Name    string `help:"Name of the group; with --group-id both must be right." placeholder:"NAME"`
}

// Run deletes a group that holds no keys.
func (d deleteGroup) Run(ctx context.Context, t *tool) error {
	if d.GroupID == "" && d.Name == "" {
		return fault.New(fault.Invalid, "give --name or --group-id")
	}
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		id := d.GroupID
		if d.Name != "" {
			found, err := groupID(ctx, c, d.Name)
			if err != nil {
				return err
			}
			if id != "" && id != found {
				return fault.New(fault.Invalid, "the group of this name has another id; nothing was deleted")
			}
			id = found
		}
		return c.DeleteGroup(ctx, id)
	})
}
