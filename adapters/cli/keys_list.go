package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// keyFilter selects keys.
type keyFilter struct {
	Name          string `help:"Only the key of this name." placeholder:"NAME"`
	GroupID       string `help:"Only keys of this group: its UUID or name." name:"group-id" placeholder:"GROUP"`
	ObjType       string `help:"Only keys of this type." name:"obj-type" placeholder:"TYPE"`
	PKCS11Label   string `help:"Only keys whose CKA_LABEL is this." name:"pkcs11-label" placeholder:"LABEL"`
	Filter        string `help:"Only keys that this expression of the API selects." placeholder:"JSON"`
	Sort          string `enum:",kid:asc,kid:desc,name:asc,name:desc" default:"" help:"Order: kid:asc, kid:desc, name:asc or name:desc." placeholder:"ORDER"`
	Offset        int    `help:"Leave out so many." placeholder:"N"`
	Limit         int    `default:"100" help:"At most so many." placeholder:"N"`
	All           bool   `help:"All of them, page by page."`
	ShowDestroyed bool   `help:"Destroyed ones too." name:"show-destroyed"`
	ShowDeleted   bool   `help:"Deleted ones too." name:"show-deleted"`
}

func (f keyFilter) query(ctx context.Context, c *dsmclient.Client) (dsmclient.KeyQuery, error) {
	group, err := groupID(ctx, c, f.GroupID)
	return dsmclient.KeyQuery{
		GroupID: group, Name: f.Name, ObjType: strings.ToUpper(f.ObjType), Label: given(f.PKCS11Label), Filter: f.Filter, Sort: f.Sort,
		Limit: f.Limit, Offset: f.Offset, ShowDestroyed: f.ShowDestroyed, ShowDeleted: f.ShowDeleted,
	}, err
}

type (
	listKeys    struct{ keyFilter }
	listObjects struct{ keyFilter }
)

// notKeys are the objects that list-keys leaves out.
var notKeys = []string{"OPAQUE", "CERTIFICATE"}

// Run lists keys.
func (l listKeys) Run(ctx context.Context, t *tool) error { return t.list(ctx, l.keyFilter, notKeys) }

// Run lists keys, certificates and other objects.
func (l listObjects) Run(ctx context.Context, t *tool) error { return t.list(ctx, l.keyFilter, nil) }

func (t *tool) list(ctx context.Context, f keyFilter, without []string) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		q, err := f.query(ctx, c)
		if err != nil {
			return err
		}
		found := []dsmwire.Sobject{}
		add := func(k dsmwire.Sobject) error {
			if !slices.Contains(without, k.ObjType) {
				found = append(found, public(k))
			}
			return nil
		}
		if f.All {
			err = t.all(ctx, c, q, add)
		} else {
			var page []dsmwire.Sobject
			page, err = c.Keys(ctx, q)
			for _, k := range page {
				_ = add(k) // never fails
			}
		}
		if err != nil {
			return err
		}
		names := map[string]string{}
		if !t.flags.JSON {
			names = groupNames(ctx, c)
		}
		return t.show(found, func(w io.Writer) error { return writeKeys(w, found, names) })
	})
}

// all gets all keys, telling how far it is.
func (t *tool) all(ctx context.Context, c *dsmclient.Client, q dsmclient.KeyQuery, add func(dsmwire.Sobject) error) error {
	total := 0
	if t.Bars {
		page := q
		page.Limit = 1
		counted, err := c.KeyPage(ctx, page)
		if err != nil {
			return err
		}
		if counted.Metadata.FilteredCount != nil {
			total = *counted.Metadata.FilteredCount
		}
	}
	b := t.bar("keys")
	defer b.end()
	done := 0
	return c.AllKeys(ctx, q, func(k dsmwire.Sobject) error {
		done++
		b.set(done, total)
		return add(k)
	})
}

// groupNames are the names of the groups that the caller may know of; none when
// they cannot be read, and ids are shown instead.
func groupNames(ctx context.Context, c *dsmclient.Client) map[string]string {
	names := map[string]string{}
	all, err := c.Groups(ctx)
	if err != nil {
		return names
	}
	for _, g := range all {
		names[g.GroupID] = g.Name
	}
	return names
}

func writeKeys(w io.Writer, all []dsmwire.Sobject, groups map[string]string) error {
	table := render.Table{Head: []string{"KID", "NAME", "TYPE", "SIZE", "STATE", "GROUP", "WHERE"}}
	for _, k := range all {
		group := groups[k.GroupID]
		if group == "" {
			group = k.GroupID
		}
		table.Add(k.KID, k.Name, k.ObjType, sizeOf(k), stateOf(k), group, where(k))
	}
	return table.Write(w, "No keys.")
}

// sizeOf is the curve or parameter set of a key, or its size in bits.
func sizeOf(k dsmwire.Sobject) string {
	switch {
	case k.EllipticCurve != "":
		return k.EllipticCurve
	case k.MLDSA != nil:
		return k.MLDSA.ParamSet
	case k.MLKEM != nil:
		return k.MLKEM.ParamSet
	case k.KeySize != nil:
		return strconv.FormatUint(uint64(*k.KeySize), 10)
	default:
		return ""
	}
}

// stateOf is a key's state, and that it is disabled.
func stateOf(k dsmwire.Sobject) string {
	if !k.Enabled {
		return strings.TrimSpace(k.State + " disabled")
	}
	return k.State
}

// where tells where a key lives.
func where(k dsmwire.Sobject) string {
	switch {
	case k.External == nil:
		return "service"
	case k.Gatehouse != nil && !k.Gatehouse.MissingSince.IsZero():
		return "HSM (missing)"
	case k.Gatehouse != nil && k.Gatehouse.Ambiguous:
		return "HSM (ambiguous)"
	default:
		return "HSM"
	}
}

type showSobject struct{ storedKey }

// Run shows a key.
func (s showSobject) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		k, err := c.Key(ctx, s.descriptor())
		if err != nil {
			return err
		}
		k = public(k)
		return t.show(k, func(w io.Writer) error { return keyProperties(k).Write(w) })
	})
}

func keyProperties(k dsmwire.Sobject) *render.Properties {
	p := &render.Properties{}
	p.Add("kid", k.KID)
	p.Add("name", k.Name)
	p.Add("description", k.Description)
	p.Add("type", strings.TrimSpace(k.ObjType+" "+sizeOf(k)))
	p.Add("state", stateOf(k))
	p.Add("operations", strings.Join(k.KeyOps, " "))
	p.Add("group", k.GroupID)
	p.Add("where", where(k))
	if k.External != nil {
		p.Add("CKA_ID", fmt.Sprintf("%x", k.External.ID.ID))
		p.Add("CKA_LABEL", string(k.External.ID.Label))
	}
	if k.PublicOnly {
		p.Add("halves", "public only")
	}
	if r := k.RotationPolicy; r != nil {
		p.Add("rotates", strings.TrimSpace(every(r.IntervalDays, "days")+every(r.IntervalMonths, "months")))
		p.Add("next rotation", date(k.ScheduledRotation))
	}
	p.Add("creator", principal(k.Creator))
	p.Add("created", date(k.CreatedAt))
	p.Add("activated", date(k.ActivationDate))
	p.Add("deactivated", date(k.DeactivationDate))
	p.Add("compromised", date(k.CompromiseDate))
	p.Add("destroyed", date(k.DestructionDate))
	p.Add("deleted", date(k.DeletionDate))
	if r := k.RevocationReason; r != nil {
		p.Add("revoked", strings.TrimSpace(r.Code+" "+r.Message))
	}
	if l := k.Links; l != nil {
		p.Add("replaces", l.Replaced)
		p.Add("replaced by", l.Replacement)
		p.Add("copied from", l.CopiedFrom)
		p.Add("copied to", strings.Join(l.CopiedTo, " "))
	}
	p.Add("kcv", k.KCV)
	for _, name := range sorted(k.CustomMetadata) {
		p.Add("metadata "+name, k.CustomMetadata[name])
	}
	return p
}

func every(n *uint32, unit string) string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("every %d %s", *n, unit)
}

// date is a time as people read it.
func date(t dsmwire.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Time().UTC().Format(time.DateTime) + " UTC"
}

// principal tells who made something.
func principal(p dsmwire.Principal) string {
	switch {
	case p.User != "":
		return "user " + p.User
	case p.App != "":
		return "app " + p.App
	case p.Plugin != "":
		return "plugin " + p.Plugin
	case p.UserViaApp != nil:
		return "user " + p.UserViaApp.UserID + " by an app"
	case p.System:
		return "the service"
	default:
		return ""
	}
}
