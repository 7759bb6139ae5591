package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// encryptInParts encrypts what is too long for one request.
func (t *tool) encryptInParts(ctx context.Context, c *dsmclient.Client, r dsmwire.EncryptInitRequest, plain []byte, tagLen int) (dsmwire.EncryptResponse, error) {
	begun, err := c.EncryptInit(ctx, r)
	if err != nil {
		return dsmwire.EncryptResponse{}, fmt.Errorf("encrypting in parts: %w", err)
	}
	all := dsmwire.EncryptResponse{IV: begun.IV}
	state := begun.State
	b := t.bar("encrypting")
	defer b.end()
	done := 0
	for part := range slices.Chunk(plain, chunk) {
		u, err := c.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{Key: r.Key, Plain: part, State: state})
		if err != nil {
			return dsmwire.EncryptResponse{}, err
		}
		all.Cipher, state = append(all.Cipher, u.Cipher...), u.State
		done += len(part)
		b.set(done, len(plain))
	}
	last, err := c.EncryptFinal(ctx, dsmwire.EncryptFinalRequest{Key: r.Key, State: state, TagLen: tagLength(r.Mode, tagLen)})
	all.Cipher, all.Tag = append(all.Cipher, last.Cipher...), last.Tag
	return all, err
}

// tagLength is what the end of an encryption is told: a mode without a tag has none.
func tagLength(m *dsmwire.Mode, bits int) *int {
	if m == nil || m.Name != "GCM" && m.Name != "CCM" {
		return nil
	}
	if bits == 0 {
		bits = 128
	}
	return &bits
}

// decryptInParts is the reverse of encryptInParts. Nothing of the plaintext is
// handed over before the end has been checked.
func (t *tool) decryptInParts(ctx context.Context, c *dsmclient.Client, r dsmwire.DecryptInitRequest, cipher, tag []byte) ([]byte, error) {
	begun, err := c.DecryptInit(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("decrypting in parts: %w", err)
	}
	state := begun.State
	b := t.bar("decrypting")
	defer b.end()
	var plain []byte
	done := 0
	for part := range slices.Chunk(cipher, chunk) {
		u, err := c.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{Key: r.Key, Cipher: part, State: state})
		if err != nil {
			return nil, err
		}
		plain, state = append(plain, u.Plain...), u.State
		done += len(part)
		b.set(done, len(cipher))
	}
	last, err := c.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{Key: r.Key, State: state, Tag: tag})
	return append(plain, last.Plain...), err
}

// partsInit begins something in parts.
type partsInit struct {
	anyKey
	cipherFlags

	State string `help:"File for the state that the next part goes on from." placeholder:"FILE" required:""`
}

// partsNext goes on.
type partsNext struct {
	anyKey

	State string `help:"File of the state, which is replaced." placeholder:"FILE" required:""`
	Out   string `help:"File that what comes out is added to." placeholder:"FILE" required:""`
}

type (
	encryptInit   struct{ partsInit }
	encryptUpdate struct {
		partsNext

		Plain string `help:"The next part of the plaintext; better from the standard input, where others cannot see it." placeholder:"TEXT"`
	}
	encryptFinal struct {
		partsNext

		TagLen int `help:"Length of the tag of GCM in bits." name:"tag-len" placeholder:"BITS"`
	}
	decryptInit   struct{ partsInit }
	decryptUpdate struct {
		partsNext

		Cipher string `help:"File that holds the next part of the ciphertext; the standard input unless given." placeholder:"FILE"`
	}
	decryptFinal struct {
		partsNext

		Tag string `help:"File that holds the tag of GCM, in hex." placeholder:"FILE"`
	}
)

// begin reads the flags of an init, makes the call, and keeps the state.
func (p partsInit) begin(ctx context.Context, t *tool,
	call func(context.Context, *dsmclient.Client, *dsmwire.SobjectDescriptor, string, cipherValues) (state, iv []byte, err error),
) error {
	v, err := p.values()
	if err != nil {
		return err
	}
	key, err := p.descriptor(t)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		alg, err := algorithm(ctx, c, p.Alg, key)
		if err != nil {
			return err
		}
		state, iv, err := call(ctx, c, &key, alg, v)
		if err != nil {
			return err
		}
		if len(v.iv) == 0 {
			if err := t.beside(p.State, "iv", iv); err != nil {
				return err
			}
		}
		return t.write(p.State, state)
	})
}

// next makes a call with the state, adds what comes out, and keeps the new state.
func (p partsNext) next(ctx context.Context, t *tool,
	call func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, state []byte) (out, next []byte, err error),
) error {
	key, err := p.descriptor(t)
	if err != nil {
		return err
	}
	state, err := os.ReadFile(p.State)
	if err != nil {
		return fault.New(fault.Invalid, "%s", err)
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		out, following, err := call(ctx, c, &key, state)
		if err != nil {
			return err
		}
		if err := appendTo(p.Out, out); err != nil {
			return err
		}
		if following == nil {
			return os.Remove(p.State) // it has come to its end
		}
		return t.write(p.State, following)
	})
}

// appendTo adds to a file that is its owner's alone.
func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fault.New(fault.Invalid, "%s", err)
	}
	_, err = f.Write(b)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// Run begins an encryption in parts.
func (e encryptInit) Run(ctx context.Context, t *tool) error {
	return e.begin(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, alg string, v cipherValues) (state, iv []byte, err error) {
		r, err := c.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: key, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad})
		return r.State, r.IV, err
	})
}

// Run begins a decryption in parts.
func (d decryptInit) Run(ctx context.Context, t *tool) error {
	return d.begin(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, alg string, v cipherValues) (state, iv []byte, err error) {
		r, err := c.DecryptInit(ctx, dsmwire.DecryptInitRequest{Key: key, Alg: alg, Mode: v.mode, IV: v.iv, AD: v.ad})
		return r.State, nil, err
	})
}

// Run encrypts a part.
func (e encryptUpdate) Run(ctx context.Context, t *tool) error {
	plain := []byte(e.Plain)
	if e.Plain == "" {
		var err error
		if plain, err = io.ReadAll(t.Stdin); err != nil {
			return err
		}
	}
	if err := short(plain); err != nil {
		return err
	}
	return e.next(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, state []byte) (out, next []byte, err error) {
		r, err := c.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{Key: key, Plain: plain, State: state})
		return r.Cipher, r.State, err
	})
}

// Run decrypts a part.
func (d decryptUpdate) Run(ctx context.Context, t *tool) error {
	if d.Cipher == "" {
		d.Cipher = "-"
	}
	cipher, err := t.read(d.Cipher)
	if err != nil {
		return err
	}
	if err := short(cipher); err != nil {
		return err
	}
	return d.next(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, state []byte) (out, next []byte, err error) {
		r, err := c.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{Key: key, Cipher: cipher, State: state})
		return r.Plain, r.State, err
	})
}

// short refuses a part that one request cannot hold.
func short(part []byte) error {
	if len(part) > chunk {
		return fault.New(fault.Invalid, "a part may have %d bytes at most; encrypt and decrypt cut files into parts by themselves", chunk)
	}
	return nil
}

// Run ends an encryption in parts.
func (e encryptFinal) Run(ctx context.Context, t *tool) error {
	return e.next(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, state []byte) (out, next []byte, err error) {
		r, err := c.EncryptFinal(ctx, dsmwire.EncryptFinalRequest{Key: key, State: state, TagLen: given(e.TagLen)})
		if err != nil {
			return nil, nil, err
		}
		return r.Cipher, nil, t.beside(e.Out, "tag", r.Tag)
	})
}

// Run ends a decryption in parts.
func (d decryptFinal) Run(ctx context.Context, t *tool) error {
	var tag []byte
	if d.Tag != "" {
		var err error
		if tag, err = hexFile(d.Tag); err != nil {
			return err
		}
	}
	return d.next(ctx, t, func(ctx context.Context, c *dsmclient.Client, key *dsmwire.SobjectDescriptor, state []byte) (out, next []byte, err error) {
		r, err := c.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{Key: key, State: state, Tag: tag})
		return r.Plain, nil, err
	})
}
