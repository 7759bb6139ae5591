package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/cli/disclose"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// newKey is what all ways to make a key have.
type newKey struct {
	GroupID        string `help:"UUID or name of the group; needed by users, while apps have a default group." name:"group-id" placeholder:"GROUP"`
	Description    string `help:"A description." placeholder:"TEXT"`
	KeyOps         string `help:"Permitted operations, with commas; unless given, the usual ones of the type." name:"key-ops" placeholder:"OP,..."`
	Exportable     bool   `help:"Permit to export the key, or to wrap it."`
	CustomMetadata string `aliases:"custom_metadata" help:"Custom metadata: a JSON object of strings." name:"custom-metadata" placeholder:"JSON"`

	ActivationDate   instant `help:"When it becomes active, as 2027-01-01 or 2027-01-01T06:00:00Z; at once unless given." name:"activation-date" placeholder:"DATE"`
	DeactivationDate instant `help:"When it is deactivated." name:"deactivation-date" placeholder:"DATE"`
}

// fill fills in a request.
func (n newKey) fill(ctx context.Context, c *dsmclient.Client, r *dsmwire.SobjectRequest) error {
	group, err := groupID(ctx, c, n.GroupID)
	if err != nil {
		return err
	}
	if r.CustomMetadata, err = metadata(n.CustomMetadata); err != nil {
		return err
	}
	r.GroupID, r.Description = given(group), given(n.Description)
	r.ActivationDate, r.DeactivationDate = n.ActivationDate.wire(), n.DeactivationDate.wire()
	r.KeyOps = operations(r.ObjType, r.EllipticCurve, n.KeyOps, n.Exportable)
	return nil
}

type createKey struct {
	newKey
	rotation

	ObjType     string `help:"Type: AES, DES3, RSA, EC, HMAC, SECRET, MLDSA, MLKEM ..." name:"obj-type" placeholder:"TYPE" required:""`
	Name        string `help:"Name, unique in the account." placeholder:"NAME" required:""`
	KeySize     uint32 `help:"Size in bits; curves have their own." name:"key-size" placeholder:"BITS"`
	PubExponent uint32 `help:"Public exponent of an RSA key; 65537 unless given." name:"pub-exponent" placeholder:"N"`
	ECName      string `help:"Curve of an EC key: NistP256, NistP384, NistP521, SecP256K1, Ed25519, X25519 ..." name:"ec-name" placeholder:"CURVE"`
	ParamSet    string `help:"Parameters of an MLDSA or MLKEM key: MlDsa44, MlDsa65, MlDsa87, MlKem768, MlKem1024; unless given, MlDsa65 or MlKem768." name:"param-set" placeholder:"SET"`
	Transient   bool   `help:"Make a key that is not stored: it is told, and works as long as the session."`
	Force       bool   `help:"Do not ask whether the key is to be exportable." short:"f"`
}

// Run makes a key.
func (k createKey) Run(ctx context.Context, t *tool) error {
	k.ObjType = strings.ToUpper(k.ObjType)
	if k.ObjType == "EC" && k.KeySize != 0 {
		return fault.New(fault.Invalid, "--key-size is not for EC keys: --ec-name names the curve")
	}
	if k.ObjType != "EC" && k.ECName != "" {
		return fault.New(fault.Invalid, "--ec-name is for EC keys only")
	}
	if k.Exportable && !k.Force {
		if err := t.confirm("An exportable key can leave the service, and its HSM. Make it exportable?"); err != nil {
			return err
		}
	}
	r := dsmwire.SobjectRequest{
		Name: &k.Name, ObjType: k.ObjType, EllipticCurve: k.ECName, KeySize: given(k.KeySize), PubExponent: given(k.PubExponent),
		Transient: given(k.Transient),
	}
	switch k.ObjType {
	case "MLDSA":
		r.MLDSA = &dsmwire.ParamSetOptions{ParamSet: orElse(k.ParamSet, "MlDsa65")}
	case "MLKEM":
		r.MLKEM = &dsmwire.ParamSetOptions{ParamSet: orElse(k.ParamSet, "MlKem768")}
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if err := errors.Join(k.newKey.fill(ctx, c, &r), k.rotation.fill(&r)); err != nil {
			return err
		}
		made, err := c.Generate(ctx, r)
		switch {
		case err != nil:
			return err
		case !k.Transient:
			return t.showID(made.KID, public(made))
		case t.flags.JSON:
			made.Value = dsmwire.SecretBytes{}
			return t.show(made, nil)
		default:
			return disclose.Write(t.Stdout, made.TransientKey.Secret(), disclose.Base64)
		}
	})
}

type persistKey struct {
	TransientKey     secretFlag `help:"The transient key, as create-key --transient has told it. Better in a file." name:"transient-key" placeholder:"TEXT" xor:"key"`
	TransientKeyFile string     `help:"File that holds the transient key; - is the standard input." name:"transient-key-file" placeholder:"FILE" xor:"key"`
	Name             string     `help:"Name of the stored key." placeholder:"NAME" required:""`
	GroupID          string     `help:"UUID or name of the group." name:"group-id" placeholder:"GROUP"`
	Description      string     `help:"A description." placeholder:"TEXT"`
	CustomMetadata   string     `help:"Custom metadata: a JSON object of strings." name:"custom-metadata" placeholder:"JSON"`
}

// Run stores a transient key.
func (p persistKey) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, asApp, func(ctx context.Context, c *dsmclient.Client) error {
		key, err := t.transient(p.TransientKey, p.TransientKeyFile)
		if err != nil {
			return err
		}
		group, err := groupID(ctx, c, p.GroupID)
		if err != nil {
			return err
		}
		meta, err := metadata(p.CustomMetadata)
		if err != nil {
			return err
		}
		made, err := c.Persist(ctx, dsmwire.PersistTransientKeyRequest{
			TransientKey: key, Name: p.Name, Description: given(p.Description), GroupID: given(group), CustomMetadata: meta,
		})
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

type copyKey struct {
	storedKey
	newKey

	NewName string `help:"Name of the copy." name:"new-name" placeholder:"NAME" required:""`
}

// Run copies a key.
func (k copyKey) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		r := dsmwire.CopySobjectRequest{Key: k.descriptor(), SobjectRequest: dsmwire.SobjectRequest{Name: &k.NewName}}
		if err := k.fill(ctx, c, &r.SobjectRequest); err != nil {
			return err
		}
		if k.Exportable && k.KeyOps == "" {
			return fault.New(fault.Invalid, "give the copy's operations with --key-ops, EXPORT among them")
		}
		made, err := c.Copy(ctx, r)
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

type rotateKey struct {
	storedKey

	DeactivateRotatedKey bool `help:"Deactivate the old key at once." name:"deactivate-rotated-key"`
}

// Run makes a new key in the place of another, which is renamed.
func (k rotateKey) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if k.Name == "" {
			old, err := c.Key(ctx, k.descriptor())
			if err != nil {
				return err
			}
			if k.Name = old.Name; k.Name == "" {
				return fault.New(fault.Invalid, "a key without a name cannot be rotated: give it one with update-object --new-name")
			}
		}
		r := dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &k.Name}}
		r.DeactivateRotatedKey = given(k.DeactivateRotatedKey)
		made, err := c.Rekey(ctx, r)
		if err != nil {
			return fmt.Errorf("rotating %q: %w", k.Name, err)
		}
		return t.showID(made.KID, public(made))
	})
}
