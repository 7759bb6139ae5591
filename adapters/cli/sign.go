package cli

import (
	"context"
	"encoding/hex"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// maxData is how much is sent to be signed or digested, in bytes.
const maxData = 1 << 20

type sign struct {
	anyKey

	HashAlg string `help:"Digest: SHA256, SHA384, SHA512 ...; not for keys that sign data whole, as MLDSA." name:"hash-alg" placeholder:"HASH"`
	Mode    string `help:"Padding of RSA: PKCS1_V15, or PSS-SHA256 (or another hash); unless given, the first that the key permits." placeholder:"MODE"`
	In      string `help:"File to sign; - is the standard input." placeholder:"FILE" required:""`
	Out     string `help:"File for the signature; the standard output unless given." placeholder:"FILE"`
	Quorum  bool   `help:"Ask for an approval instead of signing."`
}

// Run signs a file.
func (s sign) Run(ctx context.Context, t *tool) error {
	m, err := mode(s.Mode)
	if err != nil {
		return err
	}
	key, err := s.descriptor(t)
	if err != nil {
		return err
	}
	data, err := t.data(s.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		if s.Quorum {
			digest, err := c.Digest(ctx, s.HashAlg, data)
			if err != nil {
				return err
			}
			return t.request(ctx, c, "POST", "/crypto/v1/sign", signTask{key, s.HashAlg, digest, m})
		}
		r, err := c.Sign(ctx, dsmwire.SignRequest{Key: &key, HashAlg: s.HashAlg, Data: data, Mode: m})
		if err != nil {
			return err
		}
		if s.Out == "" {
			s.Out = "-"
		}
		return t.write(s.Out, r.Signature)
	})
}

// signTask is the body of a signature that waits for its approval.
type signTask struct {
	Key     dsmwire.SobjectDescriptor `json:"key"`
	HashAlg string                    `json:"hash_alg"`
	Hash    []byte                    `json:"hash"`
	Mode    *dsmwire.Mode             `json:"mode,omitempty"`
}

// data reads what one request can hold.
func (t *tool) data(path string) ([]byte, error) {
	b, err := t.read(path)
	if err != nil {
		return nil, err
	}
	if len(b) > maxData {
		return nil, fault.New(fault.Invalid, "%s has more than %d bytes, which is what one request can hold", path, maxData)
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

type verify struct {
	anyKey

	HashAlg string `help:"Digest: SHA256, SHA384, SHA512 ...; not for keys that sign data whole, as MLDSA." name:"hash-alg" placeholder:"HASH"`
	Mode    string `help:"Padding of RSA: PKCS1_V15, or PSS-SHA256 (or another hash)." placeholder:"MODE"`
	In      string `help:"File that was signed; - is the standard input." placeholder:"FILE" required:""`
	SigIn   string `help:"File that holds the signature." name:"sig-in" placeholder:"FILE" required:""`
}

// Run verifies a signature; one that is not good is an error.
func (v verify) Run(ctx context.Context, t *tool) error {
	m, err := mode(v.Mode)
	if err != nil {
		return err
	}
	key, err := v.descriptor(t)
	if err != nil {
		return err
	}
	data, err := t.data(v.In)
	if err != nil {
		return err
	}
	signature, err := t.read(v.SigIn)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		good, err := c.Verify(ctx, dsmwire.VerifyRequest{Key: &key, HashAlg: v.HashAlg, Data: data, Mode: m, Signature: signature})
		if err == nil && !good {
			err = fault.New(fault.Invalid, "the signature is not good")
		}
		return err
	})
}

type messageDigest struct {
	Alg string `help:"Digest: SHA256, SHA384, SHA512 ..." placeholder:"HASH" required:""`
	In  string `help:"File; - is the standard input." placeholder:"FILE" required:""`
}

// Run makes a digest.
func (m messageDigest) Run(ctx context.Context, t *tool) error {
	data, err := t.data(m.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		d, err := c.Digest(ctx, m.Alg, data)
		if err != nil {
			return err
		}
		return t.showID(hex.EncodeToString(d), dsmwire.DigestResponse{Digest: d})
	})
}

type hmacDigest struct {
	anyKey

	Alg string `help:"Digest: SHA256, SHA384, SHA512 ...; not for CMAC with AES keys." placeholder:"HASH"`
	In  string `help:"File; - is the standard input." placeholder:"FILE" required:""`
}

// Run makes a MAC.
func (h hmacDigest) Run(ctx context.Context, t *tool) error {
	key, err := h.descriptor(t)
	if err != nil {
		return err
	}
	data, err := t.data(h.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		r, err := c.MAC(ctx, dsmwire.MACRequest{Key: &key, Alg: h.Alg, Data: data})
		if err != nil {
			return err
		}
		return t.showID(hex.EncodeToString(r.MAC), r)
	})
}

type hmacVerify struct {
	anyKey

	Alg    string `help:"Digest: SHA256, SHA384, SHA512 ..." placeholder:"HASH"`
	In     string `help:"File; - is the standard input." placeholder:"FILE" required:""`
	Digest string `help:"The MAC, in hex." placeholder:"HEX" required:""`
}

// Run verifies a MAC; one that is not good is an error.
func (h hmacVerify) Run(ctx context.Context, t *tool) error {
	key, err := h.descriptor(t)
	if err != nil {
		return err
	}
	mac, err := fromHex("--digest", h.Digest)
	if err != nil {
		return err
	}
	data, err := t.data(h.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		good, err := c.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: &key, Alg: h.Alg, Data: data, MAC: mac})
		if err == nil && !good {
			err = fault.New(fault.Invalid, "the MAC is not good")
		}
		return err
	})
}

type random struct {
	Size int    `help:"How many bytes." placeholder:"BYTES" required:""`
	Out  string `help:"File for the bytes, for its owner alone; unless given they are told in hex." placeholder:"FILE"`
}

// Run gets random bytes, which were asked for.
func (r random) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		b, err := c.Random(ctx, r.Size)
		switch {
		case err != nil:
			return err
		case r.Out != "":
			return t.write(r.Out, b)
		default:
			return t.showID(hex.EncodeToString(b), dsmwire.RandomResponse{Random: b})
		}
	})
}
