package vectors

import (
	"bytes"
	"context"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// do carries out the act of a case with a key, and returns what came out, or
// whether the service says yes.
func (p *player) do(ctx context.Context, c Case, kid string) (out []byte, yes bool, err error) {
	key := dsmclient.ByID(kid)
	switch c.Act {
	case Encrypt:
		r := dsmwire.EncryptRequest{Key: &key, Alg: c.Type, Mode: c.Mode, Plain: present(c.In), IV: c.IV, AD: c.AD, Label: c.Label}
		if c.Tag != nil {
			bits := 8 * len(c.Tag)
			r.TagLen = &bits
		}
		a, err := p.Client.Encrypt(ctx, r)
		return a.Cipher, bytes.Equal(a.Tag, c.Tag), err
	case Decrypt:
		a, err := p.Client.Decrypt(ctx, dsmwire.DecryptRequest{
			Key: &key, Alg: c.Type, Mode: c.Mode, Cipher: present(c.In), IV: c.IV, AD: c.AD, Tag: c.Tag, Label: c.Label,
		})
		return a.Plain, true, err
	case Sign:
		a, err := p.Client.Sign(ctx, dsmwire.SignRequest{Key: &key, HashAlg: c.Hash, Data: present(c.In), Mode: c.Mode})
		return a.Signature, true, err
	case Verify:
		yes, err := p.Client.Verify(ctx, dsmwire.VerifyRequest{
			Key: &key, HashAlg: c.Hash, Data: present(c.In), Mode: c.Mode, Signature: present(c.Out), Context: c.Context,
		})
		return nil, yes, err
	case MAC:
		a, err := p.Client.MAC(ctx, dsmwire.MACRequest{Key: &key, Alg: c.Hash, Data: present(c.In)})
		return a.MAC, true, err
	case VerifyMAC:
		yes, err := p.Client.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: &key, Alg: c.Hash, Data: present(c.In), MAC: c.Out})
		return nil, yes, err
	case Digest:
		out, err := p.Client.Digest(ctx, c.Hash, present(c.In))
		return out, true, err
	case Wrap:
		return p.wrap(ctx, c, key)
	case Unwrap:
		return p.unwrap(ctx, c, key)
	case Derive:
		return p.derive(ctx, c, key)
	default:
		return p.agree(ctx, c, key)
	}
}

// derive makes a secret of a key by HKDF, and looks at it.
func (p *player) derive(ctx context.Context, c Case, key dsmwire.SobjectDescriptor) ([]byte, bool, error) {
	name, bits := p.name(), uint32(8*len(c.Out))
	o, err := p.Client.Derive(ctx, dsmwire.DeriveKeyRequest{
		Key: &key, Mechanism: dsmwire.DeriveKeyMechanism{HKDF: &dsmwire.DeriveKeyHKDF{HashAlg: c.Hash, Salt: c.Salt, Info: c.Info}},
		KeyType: "SECRET", KeySize: &bits, Name: &name, GroupID: &p.Group, KeyOps: &[]string{"EXPORT", "APPMANAGEABLE"},
	})
	if err != nil {
		return nil, false, err
	}
	yes, err := p.holds(ctx, o, c.Out)
	return nil, yes, err
}

// present makes of no bytes an empty string where JSON would say null.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// wrap wraps a secret that is the plaintext.
func (p *player) wrap(ctx context.Context, c Case, key dsmwire.SobjectDescriptor) ([]byte, bool, error) {
	subject, err := p.key(ctx, Case{Type: "SECRET", Key: c.In})
	if err != nil {
		return nil, false, err
	}
	if subject.refusal != nil {
		return nil, false, subject.refusal
	}
	what := dsmclient.ByID(subject.kid)
	a, err := p.Client.Wrap(ctx, dsmwire.WrapKeyRequest{Key: &key, Subject: &what, Alg: c.Type, Mode: c.Mode})
	return a.WrappedKey, true, err
}

// unwrap makes a secret of the ciphertext, and looks at it.
func (p *player) unwrap(ctx context.Context, c Case, key dsmwire.SobjectDescriptor) ([]byte, bool, error) {
	name := p.name()
	o, err := p.Client.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
		Key: &key, Alg: c.Type, ObjType: "SECRET", WrappedKey: present(c.In), Mode: c.Mode, Name: &name, GroupID: &p.Group,
		KeyOps: &[]string{"EXPORT", "APPMANAGEABLE"},
	})
	if err != nil {
		return nil, false, err
	}
	yes, err := p.holds(ctx, o, c.Out)
	return nil, yes, err
}

// agree makes a secret of a private and a public key, and looks at it.
func (p *player) agree(ctx context.Context, c Case, private dsmwire.SobjectDescriptor) ([]byte, bool, error) {
	peer, err := p.key(ctx, Case{Type: "EC", Key: c.Peer})
	if err != nil {
		return nil, false, err
	}
	if peer.refusal != nil {
		return nil, false, peer.refusal
	}
	name, bits := p.name(), uint32(8*len(c.Out))
	o, err := p.Client.Agree(ctx, dsmwire.AgreeKeyRequest{
		PrivateKey: private, PublicKey: dsmclient.ByID(peer.kid), Mechanism: "diffie_hellman", KeyType: "SECRET", KeySize: &bits,
		Name: &name, GroupID: &p.Group, KeyOps: &[]string{"EXPORT", "APPMANAGEABLE"},
	})
	if err != nil {
		return nil, false, err
	}
	yes, err := p.holds(ctx, o, c.Out)
	return nil, yes, err
}
