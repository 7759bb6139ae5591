package cli

import (
	"context"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type deriveKey struct {
	newKey

	KID     string `help:"UUID of the key to derive from." name:"kid" placeholder:"UUID" required:"" xor:"key"`
	KeyName string `help:"Name of the key to derive from." name:"key-name" placeholder:"NAME" required:"" xor:"key"`
	Name    string `help:"Name of the derived key." placeholder:"NAME" required:""`
	KeySize uint32 `help:"Size of the derived key in bits." name:"key-size" placeholder:"BITS" required:""`
	KeyType string `help:"Type of the derived key: AES, HMAC, SECRET ..." name:"key-type" placeholder:"TYPE" required:""`

	cipherFlags

	Plain  string `help:"By encryption: the text whose ciphertext becomes the key." placeholder:"TEXT"`
	TagLen int    `help:"By encryption: length of the tag in bits." name:"tag-len" placeholder:"BITS"`
	HKDF   string `help:"By HKDF, with this digest: SHA256, SHA384, SHA512 ..." name:"hkdf" placeholder:"HASH"`
	Salt   string `help:"By HKDF: the salt, in hex." placeholder:"HEX"`
	Info   string `help:"By HKDF: the context, in hex." placeholder:"HEX"`
}

// Run makes a key from another.
func (d deriveKey) Run(ctx context.Context, t *tool) error {
	d.KeyType = strings.ToUpper(d.KeyType)
	base := dsmwire.SobjectDescriptor{KID: d.KID, Name: d.KeyName}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		how, err := d.mechanism(ctx, c, base)
		if err != nil {
			return err
		}
		like := dsmwire.SobjectRequest{ObjType: d.KeyType}
		if err := d.fill(ctx, c, &like); err != nil {
			return err
		}
		made, err := c.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: &base, Mechanism: how, KeyType: d.KeyType, KeySize: &d.KeySize, Name: &d.Name, GroupID: like.GroupID,
			Description: like.Description, KeyOps: like.KeyOps, CustomMetadata: like.CustomMetadata,
			ActivationDate: like.ActivationDate, DeactivationDate: like.DeactivationDate,
		})
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

// mechanism reads how to derive.
func (d deriveKey) mechanism(ctx context.Context, c *dsmclient.Client, base dsmwire.SobjectDescriptor) (dsmwire.DeriveKeyMechanism, error) {
	var m dsmwire.DeriveKeyMechanism
	if d.HKDF != "" {
		salt, err := fromHex("--salt", d.Salt)
		if err != nil {
			return m, err
		}
		info, err := fromHex("--info", d.Info)
		m.HKDF = &dsmwire.DeriveKeyHKDF{HashAlg: strings.ToUpper(d.HKDF), Salt: salt, Info: info}
		return m, err
	}
	if d.Plain == "" {
		return m, fault.New(fault.Invalid, "say how to derive: --hkdf HASH, or --plain TEXT with --mode and --iv")
	}
	v, err := d.values()
	if err != nil {
		return m, err
	}
	alg, err := algorithm(ctx, c, d.Alg, base)
	m.EncryptData = &dsmwire.EncryptRequest{
		Alg: alg, Plain: []byte(d.Plain), Mode: v.mode, IV: v.iv, AD: v.ad, TagLen: given(d.TagLen),
	}
	return m, err
}

type agreeKey struct {
	newKey

	PrivateKey string `help:"UUID or name of one's own EC key." name:"private-key" placeholder:"KEY" required:""`
	PublicKey  string `help:"UUID or name of the other side's EC key, whose public half is enough." name:"public-key" placeholder:"KEY" required:""`
	Name       string `help:"Name of the key that is agreed on." placeholder:"NAME" required:""`
	KeySize    uint32 `help:"Its size in bits." name:"key-size" placeholder:"BITS" required:""`
	KeyType    string `default:"SECRET" help:"Its type: SECRET, AES, HMAC ..." name:"key-type" placeholder:"TYPE"`
}

// Run makes a key from two.
func (a agreeKey) Run(ctx context.Context, t *tool) error {
	a.KeyType = strings.ToUpper(a.KeyType)
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		like := dsmwire.SobjectRequest{ObjType: a.KeyType}
		if err := a.fill(ctx, c, &like); err != nil {
			return err
		}
		made, err := c.Agree(ctx, dsmwire.AgreeKeyRequest{
			PrivateKey: named(a.PrivateKey), PublicKey: named(a.PublicKey), Mechanism: dsmwire.DiffieHellman, KeyType: a.KeyType,
			KeySize: &a.KeySize, Name: &a.Name, GroupID: like.GroupID, Description: like.Description, KeyOps: like.KeyOps,
			CustomMetadata: like.CustomMetadata, ActivationDate: like.ActivationDate, DeactivationDate: like.DeactivationDate,
		})
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

// named names a key that is given by its id or its name.
func named(key string) dsmwire.SobjectDescriptor {
	if isUUID(key) {
		return dsmclient.ByID(key)
	}
	return dsmclient.ByName(key)
}
