package service

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/features/agreement/task"
)

// value is what can come out in one way only.
func (g *Group) value(ctx context.Context, t task.Task) ([]byte, error) {
	if t.Act == task.Digest {
		return g.Client.Digest(ctx, t.Hash, t.In)
	}
	o, err := g.key(ctx, t.Key, "")
	if err != nil {
		return nil, err
	}
	switch t.Act {
	case task.Value:
		return g.export(ctx, o)
	case task.ValueDigest:
		a, err := raw[dsmwire.ObjectDigestResponse](ctx, g, "/crypto/v1/keys/digest", dsmwire.ObjectDigestRequest{Key: ptr(dsmclient.ByID(o.KID)), Alg: t.Hash})
		return a.Digest, err
	case task.PublicKey:
		return o.PubKey, nil
	case task.CheckValue:
		r := dsmwire.KCVRequest{SobjectDescriptor: dsmclient.ByID(o.KID)}
		if t.Mode == "CMAC" {
			r.Method = "Cmac"
		}
		a, err := raw[dsmwire.KCVResponse](ctx, g, "/crypto/v1/keys/kcv", r)
		if err != nil {
			return nil, err
		}
		return hex.DecodeString(a.KCV)
	default:
		return nil, fmt.Errorf("the service does not %s: %w", t.Act, task.ErrRefused)
	}
}

// export returns the value of a key of an ordinary group.
func (g *Group) export(ctx context.Context, o dsmwire.Sobject) ([]byte, error) {
	a, err := raw[struct{ Value []byte }](ctx, g, "/crypto/v1/keys/export", dsmclient.ByID(o.KID))
	return a.Value, err
}

// raw makes a call whose reply is read as it is: values of keys for comparison.
func raw[R any](ctx context.Context, g *Group, path string, body any) (reply R, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return reply, err
	}
	a, err := g.Client.Raw(ctx, http.MethodPost, path, b)
	if err != nil {
		return reply, err
	}
	if a.Status >= http.StatusMultipleChoices {
		return reply, &dsmclient.Error{Status: a.Status, Message: string(a.Body)}
	}
	err = json.Unmarshal(a.Body, &reply)
	return reply, err
}

func (g *Group) wrap(ctx context.Context, t task.Task) (m task.Made, err error) {
	with, err := g.key(ctx, t.Key, t.Mode)
	if err != nil {
		return m, err
	}
	subject, err := g.key(ctx, t.Subject, "")
	if err != nil {
		return m, err
	}
	a, err := g.Client.Wrap(ctx, dsmwire.WrapKeyRequest{
		Key: ptr(dsmclient.ByID(with.KID)), Subject: ptr(dsmclient.ByID(subject.KID)), Alg: t.Key.Type, Mode: mode(t), IV: t.IV, AD: t.AD,
	})
	return task.Made{Out: a.WrappedKey, IV: a.IV, Tag: a.Tag}, err
}

func (g *Group) unwrap(ctx context.Context, t task.Task, m task.Made) (err error) {
	k := t.Key
	if len(m.Key) > 0 {
		k = &task.Key{Type: k.Type, Size: k.Size, Private: m.Key}
	}
	with, err := g.key(ctx, k, t.Mode)
	if err != nil {
		return err
	}
	o, err := g.Client.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
		Key: ptr(dsmclient.ByID(with.KID)), Alg: t.Key.Type, ObjType: t.Subject.Type, WrappedKey: m.Out, Mode: mode(t), IV: m.IV, AD: t.AD, Tag: m.Tag,
		Name: g.name(), GroupID: &g.ID, KeyOps: ptr(ops(t.Subject)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.forget(ctx, o)) }()
	return g.holds(ctx, o, t.Subject)
}

// holds finds out whether a key is the one that it is to be: by its value, or by
// its use where nobody is told the value.
func (g *Group) holds(ctx context.Context, o dsmwire.Sobject, want *task.Key) error {
	if !g.HSM {
		value, err := g.export(ctx, o)
		if err != nil {
			return err
		}
		if want.Curve == "SecP256K1" { // which Go cannot read
			return task.Same("the public key", o.PubKey, want.Public)
		}
		return g.own.Check(ctx, task.Task{Act: task.Value, Key: want}, task.Made{Out: value})
	}
	proof := task.Task{Key: want, In: []byte("one block and so")}
	key := dsmclient.ByID(o.KID)
	switch want.Type {
	case "AES", "DES3":
		proof.Act, proof.Mode = task.Encrypt, "CBC"
		a, err := g.Client.Encrypt(ctx, dsmwire.EncryptRequest{Key: &key, Alg: want.Type, Mode: mode(proof), Plain: proof.In})
		if err != nil {
			return fmt.Errorf("using the key: %w", err)
		}
		return g.own.Check(ctx, proof, task.Made{Out: a.Cipher, IV: a.IV})
	case "HMAC":
		proof.Act, proof.Hash = task.MAC, "SHA1" // which tokens want the shortest keys for
		a, err := g.Client.MAC(ctx, dsmwire.MACRequest{Key: &key, Alg: proof.Hash, Data: proof.In})
		if err != nil {
			return fmt.Errorf("using the key: %w", err)
		}
		return g.own.Check(ctx, proof, task.Made{Out: a.MAC})
	case "SECRET":
		proof = task.Task{Act: task.Wrap, Key: g.KEK, Subject: want, Mode: "KW"}
		kek, err := g.key(ctx, g.KEK, "")
		if err != nil {
			return err
		}
		a, err := g.Client.Wrap(ctx, dsmwire.WrapKeyRequest{Key: ptr(dsmclient.ByID(kek.KID)), Subject: &key, Alg: g.KEK.Type, Mode: mode(proof)})
		if err != nil {
			return fmt.Errorf("using the key: %w", err)
		}
		return g.Judge.Check(ctx, proof, task.Made{Out: a.WrappedKey})
	case "RSA", "EC":
		if err := task.Same("the public key", o.PubKey, want.Public); err != nil || want.Curve == "X25519" {
			return err
		}
		if proof.Act = task.Sign; want.Curve != "Ed25519" {
			proof.Hash = "SHA256"
		}
		a, err := g.Client.Sign(ctx, dsmwire.SignRequest{Key: &key, HashAlg: proof.Hash, Data: proof.In, Mode: mode(proof)})
		if err != nil {
			return fmt.Errorf("using the key: %w", err)
		}
		return g.own.Check(ctx, proof, task.Made{Out: a.Signature})
	default:
		return fmt.Errorf("no way to look at a key of type %s in an HSM", want.Type)
	}
}
