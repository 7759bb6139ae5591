package cli

import (
	"context"
	"io"
	"maps"
	"slices"

	"gatehouse/adapters/cli/disclose"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

type updateObject struct {
	storedKey
	rotation

	NewName        string `help:"Give it this name." name:"new-name" placeholder:"NAME"`
	Description    string `help:"Give it this description." placeholder:"TEXT"`
	KeyOps         string `help:"Permit these operations and no others, with commas." name:"key-ops" placeholder:"OP,..." xor:"ops"`
	DisableExport  bool   `help:"Do not permit its export any more." name:"disable-export" xor:"ops"`
	Enable         bool   `help:"Let it be used again." xor:"enable"`
	Disable        bool   `help:"Let it be used by nobody." xor:"enable"`
	CustomMetadata string `help:"Custom metadata instead of what it has: a JSON object of strings." name:"custom-metadata" placeholder:"JSON"`
	Quorum         bool   `help:"Ask for an approval instead of making the change."`

	ActivationDate   instant `help:"When it becomes active, as 2027-01-01 or 2027-01-01T06:00:00Z." name:"activation-date" placeholder:"DATE"`
	DeactivationDate instant `help:"When it is deactivated." name:"deactivation-date" placeholder:"DATE"`
}

// Run changes what is known about a key.
func (u updateObject) Run(ctx context.Context, t *tool) error {
	meta, err := metadata(u.CustomMetadata)
	if err != nil {
		return err
	}
	r := dsmwire.SobjectRequest{Name: given(u.NewName), Description: given(u.Description), CustomMetadata: meta}
	r.ActivationDate, r.DeactivationDate = u.ActivationDate.wire(), u.DeactivationDate.wire()
	if err := u.fill(&r); err != nil {
		return err
	}
	if ops := split(u.KeyOps); len(ops) > 0 {
		r.KeyOps = &ops
	}
	if u.Enable || u.Disable {
		r.Enabled = ptr(u.Enable)
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if u.DisableExport {
			k, err := c.Key(ctx, u.descriptor())
			if err != nil {
				return err
			}
			u.KID = k.KID
			r.KeyOps = ptr(slices.DeleteFunc(k.KeyOps, func(op string) bool { return op == export }))
		}
		if r.Name == nil && r.Description == nil && r.CustomMetadata == nil && r.KeyOps == nil && r.Enabled == nil &&
			r.ActivationDate == nil && r.DeactivationDate == nil && r.RotationPolicy.IsZero() {
			return fault.New(fault.Invalid, "nothing is to be changed: say what, as with --description")
		}
		kid, err := u.id(ctx, c)
		if err != nil {
			return err
		}
		if u.Quorum {
			return t.request(ctx, c, "PATCH", "/crypto/v1/keys/"+kid, r)
		}
		k, err := c.UpdateKey(ctx, kid, r)
		if err != nil {
			return err
		}
		return t.showID(k.KID, public(k))
	})
}

type exportObject struct {
	storedKey

	DER    bool   `aliases:"binary" help:"Write the key in binary instead of hex or PEM." name:"der"`
	Out    string `help:"File to write to, for its owner alone, instead of the standard output." placeholder:"FILE"`
	Quorum bool   `help:"Ask for an approval instead of exporting."`
}

// Run writes a key's value.
func (e exportObject) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if e.Quorum {
			kid, err := e.id(ctx, c)
			if err != nil {
				return err
			}
			return t.request(ctx, c, "POST", "/crypto/v1/keys/export", dsmclient.ByID(kid))
		}
		k, err := c.Export(ctx, e.descriptor())
		switch {
		case err != nil:
			return err
		case t.flags.JSON && e.Out == "":
			k.TransientKey = dsmwire.SecretBytes{}
			return t.show(k, nil)
		default:
			return t.disclose(e.Out, k, e.DER)
		}
	})
}

// disclose writes the value of a key that was exported.
func (t *tool) disclose(out string, k dsmwire.Sobject, binary bool) error {
	form := disclose.Binary
	if !binary {
		switch k.ObjType {
		case "AES", "DES", "DES3", "HMAC":
			form = disclose.Hex
		case "RSA", "EC", "CERTIFICATE", "MLDSA", "MLKEM":
			form = disclose.PEM
		}
	}
	if out == "" || out == "-" {
		return disclose.Write(t.Stdout, k.Value.Secret(), form)
	}
	return fresh(out, func(w io.Writer) error { return disclose.Write(w, k.Value.Secret(), form) })
}

type kcv struct{ storedKey }

// Run shows a key check value.
func (k kcv) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		v, err := c.KCV(ctx, k.descriptor())
		if err != nil {
			return err
		}
		return t.showID(v, dsmwire.KCVResponse{KCV: v})
	})
}
