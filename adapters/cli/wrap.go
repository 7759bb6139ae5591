package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type wrapKey struct {
	KID             string     `help:"UUID of the key to wrap." name:"kid" placeholder:"UUID" required:"" xor:"subject"`
	WrappedKeyName  string     `help:"Name of the key to wrap." name:"wrapped-key-name" placeholder:"NAME" required:"" xor:"subject"`
	WrappingKID     string     `help:"UUID of the wrapping key." name:"wrapping-kid" placeholder:"UUID" required:"" xor:"wrapper"`
	WrappingKeyName string     `help:"Name of the wrapping key." name:"wrapping-key-name" placeholder:"NAME" required:"" xor:"wrapper"`
	TransientKey    secretFlag `help:"A transient wrapping key. Better in a file." name:"transient-key" placeholder:"TEXT" required:"" xor:"wrapper"`

	TransientKeyFile string `help:"File that holds a transient wrapping key." name:"transient-key-file" placeholder:"FILE" required:"" xor:"wrapper"`

	cipherFlags

	TagLen    int    `help:"Length of the tag of GCM and CCM in bits." name:"tag-len" placeholder:"BITS"`
	KeyFormat string `enum:",Default,Pkcs8" default:"" help:"What is wrapped of a private key: Default, or Pkcs8." name:"key-format" placeholder:"FORMAT"`
	Out       string `help:"File for the wrapped key; a nonce or tag goes into FILE.iv and FILE.tag, in hex. Not needed with --quorum." placeholder:"FILE"`
	Quorum    bool   `help:"Ask for an approval instead of wrapping; task-result gets the wrapped key afterwards."`
}

// wrapTask is the body of a wrapping that waits for its approval, with a null
// for whatever was not given, as the vendor's tool sends it.
type wrapTask struct {
	Subject   dsmwire.SobjectDescriptor `json:"subject"`
	Key       dsmwire.SobjectDescriptor `json:"key"`
	Alg       string                    `json:"alg"`
	Mode      *dsmwire.Mode             `json:"mode"`
	IV        []byte                    `json:"iv"`
	AD        []byte                    `json:"ad"`
	TagLen    *int                      `json:"tag_len"`
	KeyFormat *string                   `json:"key_format"`
	Out       *string                   `json:"out"` // always null: where the file will be is nobody's business
}

// wrapper names the wrapping key.
func (w wrapKey) wrapper(t *tool) (dsmwire.SobjectDescriptor, error) {
	return anyKey{w.WrappingKID, w.WrappingKeyName, w.TransientKey, w.TransientKeyFile}.descriptor(t)
}

// Run wraps a key with another.
func (w wrapKey) Run(ctx context.Context, t *tool) error {
	if w.Out == "" && !w.Quorum {
		return fault.New(fault.Invalid, "--out is needed: where is the wrapped key to go?")
	}
	v, err := w.values()
	if err != nil {
		return err
	}
	key, err := w.wrapper(t)
	if err != nil {
		return err
	}
	subject := dsmwire.SobjectDescriptor{KID: w.KID, Name: w.WrappedKeyName}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		alg, err := algorithm(ctx, c, w.Alg, key)
		if err != nil {
			return err
		}
		if w.Quorum {
			return t.request(ctx, c, "POST", "/crypto/v1/wrapkey", wrapTask{
				Subject: subject, Key: key, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad, TagLen: given(w.TagLen), KeyFormat: given(w.KeyFormat),
			})
		}
		r, err := c.Wrap(ctx, dsmwire.WrapKeyRequest{
			Key: &key, Subject: &subject, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad, TagLen: given(w.TagLen), KeyFormat: w.KeyFormat,
		})
		if err != nil {
			return err
		}
		if len(v.iv) > 0 {
			r.IV = nil // the caller has it
		}
		return t.wrapped(w.Out, r)
	})
}

// wrapped writes a wrapped key and what belongs to it.
func (t *tool) wrapped(out string, r dsmwire.WrapKeyResponse) error {
	if err := t.write(out, r.WrappedKey); err != nil {
		return err
	}
	for _, b := range []struct {
		what string
		b    []byte
	}{{"iv", r.IV}, {"tag", r.Tag}} {
		if len(b.b) == 0 {
			continue
		}
		if out != "-" {
			fmt.Fprintf(t.Stdout, "%s: %s\n", b.what, hex.EncodeToString(b.b))
		}
		if err := t.beside(out, b.what, b.b); err != nil {
			return err
		}
	}
	return nil
}

type unwrapKey struct {
	In              string     `help:"File that holds the wrapped key; - is the standard input. FILE.iv and FILE.tag are read where --iv and --tag are not given." placeholder:"FILE" required:""`
	WrappingKID     string     `help:"UUID of the wrapping key." name:"wrapping-kid" placeholder:"UUID" required:"" xor:"wrapper"`
	WrappingKeyName string     `help:"Name of the wrapping key." name:"wrapping-key-name" placeholder:"NAME" required:"" xor:"wrapper"`
	TransientKey    secretFlag `help:"A transient wrapping key. Better in a file." name:"transient-key" placeholder:"TEXT" required:"" xor:"wrapper"`

	TransientKeyFile string `help:"File that holds a transient wrapping key." name:"transient-key-file" placeholder:"FILE" required:"" xor:"wrapper"`

	cipherFlags

	Tag            string `help:"Tag of GCM and CCM, in hex." placeholder:"HEX"`
	ObjType        string `help:"Type of the key that was wrapped: AES, DES3, RSA, EC, HMAC, SECRET ..." name:"obj-type" placeholder:"TYPE" required:""`
	Name           string `help:"Name of the key that is made." placeholder:"NAME"`
	GroupID        string `help:"UUID or name of the group; an app's default group unless given." name:"group-id" placeholder:"GROUP"`
	Description    string `help:"A description." placeholder:"TEXT"`
	Exportable     bool   `help:"Permit to export the key, or to wrap it."`
	KeyOps         string `help:"Permitted operations, with commas; unless given, the usual ones of the type." name:"key-ops" placeholder:"OP,..."`
	CustomMetadata string `help:"Custom metadata: a JSON object of strings." name:"custom-metadata" placeholder:"JSON"`
	Quorum         bool   `help:"Ask for an approval instead of unwrapping."`
}

// unwrapTask is the body of an unwrapping that waits for its approval, as wrapTask.
type unwrapTask struct {
	Key            dsmwire.SobjectDescriptor `json:"key"`
	WrappedKey     []byte                    `json:"wrapped_key"`
	Alg            string                    `json:"alg"`
	Mode           *dsmwire.Mode             `json:"mode"`
	ObjType        string                    `json:"obj_type"`
	Name           *string                   `json:"name"`
	Description    *string                   `json:"description"`
	IV             []byte                    `json:"iv"`
	AD             []byte                    `json:"ad"`
	Tag            []byte                    `json:"tag"`
	CustomMetadata *map[string]string        `json:"custom_metadata"`
	KeyOps         *[]string                 `json:"key_ops"`
	GroupID        string                    `json:"group_id,omitempty"`
}

// Run makes a key of a wrapped one.
func (u unwrapKey) Run(ctx context.Context, t *tool) error {
	u.ObjType = strings.ToUpper(u.ObjType)
	r, key, err := u.read(t)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		alg, err := algorithm(ctx, c, u.Alg, key)
		if err != nil {
			return err
		}
		group, err := groupID(ctx, c, u.GroupID)
		if err != nil {
			return err
		}
		r.Alg, r.GroupID = alg, given(group)
		if u.Quorum {
			return t.request(ctx, c, "POST", "/crypto/v1/unwrapkey", unwrapTask{
				Key: key, WrappedKey: r.WrappedKey, Alg: alg, Mode: r.Mode, ObjType: r.ObjType, Name: r.Name, Description: r.Description,
				IV: r.IV, AD: r.AD, Tag: r.Tag, CustomMetadata: r.CustomMetadata, KeyOps: r.KeyOps, GroupID: group,
			})
		}
		made, err := c.Unwrap(ctx, r)
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

// read reads the flags and files.
func (u unwrapKey) read(t *tool) (dsmwire.UnwrapKeyRequest, dsmwire.SobjectDescriptor, error) {
	none := dsmwire.UnwrapKeyRequest{}
	key, err := anyKey{u.WrappingKID, u.WrappingKeyName, u.TransientKey, u.TransientKeyFile}.descriptor(t)
	if err != nil {
		return none, key, err
	}
	v, err := u.values()
	if err != nil {
		return none, key, err
	}
	beside := decrypt{In: u.In}
	tag, err := beside.found(&v)
	if err != nil {
		return none, key, err
	}
	if u.Tag != "" {
		if tag, err = fromHex("--tag", u.Tag); err != nil {
			return none, key, err
		}
	}
	meta, err := metadata(u.CustomMetadata)
	if err != nil {
		return none, key, err
	}
	wrapped, err := t.read(u.In)
	return dsmwire.UnwrapKeyRequest{
		Key: &key, ObjType: u.ObjType, WrappedKey: wrapped, Mode: v.mode, IV: v.iv, AD: v.ad, Tag: tag, Name: given(u.Name),
		Description: given(u.Description), CustomMetadata: meta, KeyOps: operations(u.ObjType, "", u.KeyOps, u.Exportable),
	}, key, err
}
