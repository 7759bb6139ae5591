package cli

import (
	"context"
	"encoding/hex"
	"os"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// chunk is how much is sent at once, in bytes; what is longer goes in parts.
const chunk = 350 << 10

// cipherFlags say how to encrypt or decrypt.
type cipherFlags struct {
	Alg  string `help:"Algorithm: AES, DES3 or RSA; unless given, the key's." placeholder:"ALG"`
	Mode string `help:"Mode: GCM, CBC, CBCNOPAD, CTR, CCM or ECB; for RSA OAEP-SHA256 (or another hash) or PKCS1_V15." placeholder:"MODE"`
	IV   string `help:"Initialisation vector or nonce, in hex." name:"iv" placeholder:"HEX"`
	AD   string `help:"Additional authenticated data of GCM and CCM, in hex." name:"ad" placeholder:"HEX"`
}

// cipherValues are the flags, read.
type cipherValues struct {
	mode   *dsmwire.Mode
	iv, ad []byte
}

func (f cipherFlags) values() (cipherValues, error) {
	var v cipherValues
	var err error
	if v.mode, err = mode(f.Mode); err != nil {
		return v, err
	}
	if v.iv, err = fromHex("--iv", f.IV); err != nil {
		return v, err
	}
	v.ad, err = fromHex("--ad", f.AD)
	return v, err
}

// mode reads a mode as people write it; nil leaves it to the service.
func mode(text string) (*dsmwire.Mode, error) {
	name := strings.ToUpper(text)
	padding, hash, _ := strings.Cut(name, "-")
	switch {
	case name == "":
		return nil, nil
	case strings.HasPrefix(text, "{"): // as the API has it
		m := new(dsmwire.Mode)
		err := m.UnmarshalJSON([]byte(text))
		return m, err
	case padding == dsmwire.OAEP || padding == dsmwire.PSS:
		if hash == "" {
			hash = "SHA256"
		}
		return &dsmwire.Mode{Name: padding, Hash: hash}, nil
	case name == "PKCS1" || name == dsmwire.PKCS1v15:
		return &dsmwire.Mode{Name: dsmwire.PKCS1v15}, nil
	default:
		return &dsmwire.Mode{Name: name}, nil
	}
}

func fromHex(flag, text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s must be hex", flag)
	}
	return b, nil
}

// hexFile reads what a file beside a ciphertext holds: hex, or the bytes.
func hexFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s", err)
	}
	if v, err := hex.DecodeString(strings.TrimSpace(string(b))); err == nil {
		return v, nil
	}
	return b, nil
}

// beside writes what belongs to a ciphertext into a file beside it, in hex.
func (t *tool) beside(out, what string, b []byte) error {
	if len(b) == 0 || out == "-" {
		return nil
	}
	return t.write(out+"."+what, []byte(hex.EncodeToString(b)+"\n"))
}

type encrypt struct {
	anyKey
	cipherFlags

	In     string `help:"File to encrypt; - is the standard input." placeholder:"FILE" required:""`
	Out    string `help:"File for the ciphertext; a nonce or tag that the service made goes into FILE.iv and FILE.tag, in hex." placeholder:"FILE" required:""`
	TagLen int    `help:"Length of the tag of GCM and CCM in bits; 128 unless given." name:"tag-len" placeholder:"BITS"`
}

// Run encrypts a file.
func (e encrypt) Run(ctx context.Context, t *tool) error {
	v, err := e.values()
	if err != nil {
		return err
	}
	key, err := e.descriptor(t)
	if err != nil {
		return err
	}
	plain, err := t.read(e.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		alg, err := algorithm(ctx, c, e.Alg, key)
		if err != nil {
			return err
		}
		var r dsmwire.EncryptResponse
		if len(plain) > chunk {
			r, err = t.encryptInParts(ctx, c, dsmwire.EncryptInitRequest{Key: &key, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad}, plain, e.TagLen)
		} else {
			r, err = c.Encrypt(ctx, dsmwire.EncryptRequest{
				Key: &key, Alg: alg, Plain: plain, Mode: v.mode, IV: v.iv, AD: v.ad, TagLen: given(e.TagLen),
			})
		}
		if err != nil {
			return err
		}
		if len(v.iv) > 0 {
			r.IV = nil // the caller has it
		}
		if err := t.write(e.Out, r.Cipher); err != nil {
			return err
		}
		if err := t.beside(e.Out, "iv", r.IV); err != nil {
			return err
		}
		return t.beside(e.Out, "tag", r.Tag)
	})
}

type decrypt struct {
	anyKey
	cipherFlags

	In  string `help:"File to decrypt; - is the standard input. FILE.iv and FILE.tag are read where --iv and --tag are not given." placeholder:"FILE" required:""`
	Out string `help:"File for the plaintext, for its owner alone; - is the standard output." placeholder:"FILE" required:""`
	Tag string `help:"File that holds the tag of GCM and CCM, in hex." placeholder:"FILE"`
}

// Run decrypts a file.
func (d decrypt) Run(ctx context.Context, t *tool) error {
	v, err := d.values()
	if err != nil {
		return err
	}
	key, err := d.descriptor(t)
	if err != nil {
		return err
	}
	tag, err := d.found(&v)
	if err != nil {
		return err
	}
	cipher, err := t.read(d.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		alg, err := algorithm(ctx, c, d.Alg, key)
		if err != nil {
			return err
		}
		if len(cipher) > chunk {
			plain, err := t.decryptInParts(ctx, c, dsmwire.DecryptInitRequest{Key: &key, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad}, cipher, tag)
			if err != nil {
				return err
			}
			return t.write(d.Out, plain)
		}
		r, err := c.Decrypt(ctx, dsmwire.DecryptRequest{Key: &key, Alg: alg, Cipher: cipher, Mode: v.mode, IV: v.iv, AD: v.ad, Tag: tag})
		if err != nil {
			return err
		}
		return t.write(d.Out, r.Plain)
	})
}

// found reads nonce and tag from the files beside the ciphertext, where they
// were not given, and returns the tag.
func (d decrypt) found(v *cipherValues) (tag []byte, err error) {
	if len(v.iv) == 0 && exists(d.In+".iv") {
		if v.iv, err = hexFile(d.In + ".iv"); err != nil {
			return nil, err
		}
	}
	authenticated := v.mode != nil && (v.mode.Name == "GCM" || v.mode.Name == "CCM")
	switch {
	case d.Tag != "":
		return hexFile(d.Tag)
	case authenticated && exists(d.In+".tag"):
		return hexFile(d.In + ".tag")
	default:
		return nil, nil
	}
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
