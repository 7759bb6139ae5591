package cli

import (
	"context"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// shared is a key that two sides have afterwards.
type shared struct {
	storedKey

	NewName string `help:"Name of the key that is made." name:"new-name" placeholder:"NAME" required:""`
	KeyType string `default:"AES" help:"Its type: AES, HMAC, SECRET ..." name:"key-type" placeholder:"TYPE"`
	KeySize uint32 `default:"256" help:"Its size in bits." name:"key-size" placeholder:"BITS"`
	GroupID string `help:"UUID or name of its group." name:"group-id" placeholder:"GROUP"`
	KeyOps  string `help:"Its permitted operations, with commas; unless given, the usual ones of the type." name:"key-ops" placeholder:"OP,..."`
}

type encapsulateKey struct {
	shared

	Out string `help:"File for the ciphertext, which goes to the other side." placeholder:"FILE" required:""`
}

// Run makes a key, and what the other side makes it of.
func (e encapsulateKey) Run(ctx context.Context, t *tool) error {
	e.KeyType = strings.ToUpper(e.KeyType)
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		group, err := groupID(ctx, c, e.GroupID)
		if err != nil {
			return err
		}
		r, err := c.Encapsulate(ctx, dsmwire.EncapsulateKeyRequest{
			Key: ptr(e.descriptor()), KeyType: e.KeyType, KeySize: &e.KeySize, Name: &e.NewName, GroupID: given(group),
			KeyOps: operations(e.KeyType, "", e.KeyOps, false),
		})
		if err != nil {
			return err
		}
		if err := t.write(e.Out, r.Ciphertext); err != nil {
			return err
		}
		r.Key = public(r.Key)
		return t.showID(r.Key.KID, r)
	})
}

type decapsulateKey struct {
	shared

	In string `help:"File that holds the ciphertext; - is the standard input." placeholder:"FILE" required:""`
}

// Run makes the key that was encapsulated.
func (d decapsulateKey) Run(ctx context.Context, t *tool) error {
	d.KeyType = strings.ToUpper(d.KeyType)
	cipher, err := t.read(d.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		group, err := groupID(ctx, c, d.GroupID)
		if err != nil {
			return err
		}
		made, err := c.Decapsulate(ctx, dsmwire.DecapsulateKeyRequest{
			Key: ptr(d.descriptor()), Ciphertext: cipher, KeyType: d.KeyType, KeySize: &d.KeySize, Name: &d.NewName, GroupID: given(group),
			KeyOps: operations(d.KeyType, "", d.KeyOps, false),
		})
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}
