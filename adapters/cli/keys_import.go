package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

type importKey struct {
	newKey

	In      string `help:"File that holds the key; - is the standard input. AES, DES3 and HMAC keys in hex, RSA and EC keys in PEM, unless --der." placeholder:"FILE" required:""`
	ObjType string `help:"Type: AES, DES3, RSA, EC, HMAC, SECRET, OPAQUE ..." name:"obj-type" placeholder:"TYPE" required:""`
	Name    string `help:"Name, unique in the account." placeholder:"NAME" required:""`
	ECCurve string `help:"Curve of an EC key, unless the file tells." name:"ec-curve" placeholder:"CURVE"`
	DER     bool   `aliases:"binary" help:"The file holds the key in binary: DER, or the bytes of a symmetric key." name:"der"`
	Force   bool   `help:"Do not ask whether the key is to be exportable." short:"f"`
}

// Run takes a key in.
func (k importKey) Run(ctx context.Context, t *tool) error {
	k.ObjType = strings.ToUpper(k.ObjType)
	value, err := t.material(k.In, k.ObjType, k.DER)
	if err != nil {
		return err
	}
	if k.Exportable && !k.Force {
		if err := t.confirm("An exportable key can leave the service, and its HSM. Make it exportable?"); err != nil {
			return err
		}
	}
	return t.take(ctx, k.newKey, dsmwire.SobjectRequest{Name: &k.Name, ObjType: k.ObjType, EllipticCurve: k.ECCurve, Value: value})
}

// material reads a key from a file.
func (t *tool) material(path, objType string, binary bool) (dsmwire.SecretBytes, error) {
	b, err := t.read(path)
	switch {
	case err != nil:
		return dsmwire.SecretBytes{}, err
	case binary:
	case objType == "RSA" || objType == "EC" || objType == "CERTIFICATE" || objType == "MLDSA" || objType == "MLKEM":
		block, _ := pem.Decode(b)
		if block == nil {
			return dsmwire.SecretBytes{}, fault.New(fault.Invalid, "%s holds no PEM; with --der it is read as binary", path)
		}
		b = block.Bytes
	case objType == "SECRET" || objType == "OPAQUE":
	default:
		if b, err = hex.DecodeString(string(bytes.TrimSpace(b))); err != nil {
			return dsmwire.SecretBytes{}, fault.New(fault.Invalid, "%s does not hold the key in hex; with --der it is read as binary", path)
		}
	}
	return dsmwire.NewSecretBytes(secret.New(b)), nil
}

// take imports a key.
func (t *tool) take(ctx context.Context, n newKey, r dsmwire.SobjectRequest) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if err := n.fill(ctx, c, &r); err != nil {
			return err
		}
		made, err := c.Import(ctx, r)
		if err != nil {
			return err
		}
		return t.showID(made.KID, public(made))
	})
}

type importCert struct {
	newKey

	In   string `help:"File that holds the certificate, in PEM unless --der; - is the standard input." placeholder:"FILE" required:""`
	Name string `help:"Name, unique in the account." placeholder:"NAME" required:""`
	DER  bool   `help:"The file holds DER." name:"der"`

	ObjType string `default:"CERTIFICATE" enum:"CERTIFICATE,OPAQUE" help:"Type: CERTIFICATE, or OPAQUE as older services have it." name:"obj-type" placeholder:"TYPE"`
}

// Run takes a certificate in.
func (k importCert) Run(ctx context.Context, t *tool) error {
	value, err := t.material(k.In, "CERTIFICATE", k.DER)
	if err != nil {
		return err
	}
	return t.take(ctx, k.newKey, dsmwire.SobjectRequest{Name: &k.Name, ObjType: k.ObjType, Value: value})
}

type importSecret struct {
	newKey

	In      string `help:"File that holds the secret; - is the standard input. An end of a line at its end is left out." placeholder:"FILE" required:""`
	Name    string `help:"Name, unique in the account." placeholder:"NAME" required:""`
	ObjType string `default:"SECRET" enum:"SECRET,OPAQUE,Secret,Opaque" help:"Type: SECRET or OPAQUE." name:"obj-type" placeholder:"TYPE"`
}

// Run takes a secret in. It can be exported: that is what it is for.
func (k importSecret) Run(ctx context.Context, t *tool) error {
	b, err := t.read(k.In)
	if err != nil {
		return err
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	k.Exportable = k.KeyOps == ""
	return t.take(ctx, k.newKey, dsmwire.SobjectRequest{
		Name: &k.Name, ObjType: strings.ToUpper(k.ObjType), Value: dsmwire.NewSecretBytes(secret.New(b)),
	})
}
