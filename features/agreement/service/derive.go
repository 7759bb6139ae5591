package service

import (
	"context"
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/features/agreement/task"
)

// newKey is how keys are made that others are compared with: as HMAC keys, which
// have any length and can be used in an HSM.
const newKey = "HMAC"

func (g *Group) derive(ctx context.Context, t task.Task) (m task.Made, err error) {
	o, capsule, err := g.derived(ctx, t)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, g.forget(ctx, o)) }()
	value, err := g.export(ctx, o)
	if t.Act == task.Encapsulate {
		return task.Made{Out: capsule, Secret: value}, err
	}
	return task.Made{Out: value}, err
}

// rederive makes the key again and compares it with what the other party has.
func (g *Group) rederive(ctx context.Context, t task.Task, m task.Made) (err error) {
	var o dsmwire.Sobject
	want := m.Out
	if t.Act == task.Encapsulate {
		key, keyErr := g.key(ctx, t.Key, "")
		if keyErr != nil {
			return keyErr
		}
		want = m.Secret
		o, err = g.Client.Decapsulate(ctx, dsmwire.DecapsulateKeyRequest{
			Key: ptr(dsmclient.ByID(key.KID)), Ciphertext: m.Out, KeyType: newKey, KeySize: ptr(uint32(8 * len(want))), Name: g.name(), GroupID: &g.ID, KeyOps: g.newOps(),
		})
	} else {
		o, _, err = g.derived(ctx, t)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.forget(ctx, o)) }()
	return g.holds(ctx, o, &task.Key{Type: newKey, Size: 8 * len(want), Private: want})
}

// newOps are those of keys that are made of others.
func (g *Group) newOps() *[]string {
	return ptr(ops(&task.Key{Type: newKey}))
}

func (g *Group) derived(ctx context.Context, t task.Task) (o dsmwire.Sobject, capsule []byte, err error) {
	key, err := g.key(ctx, t.Key, t.Mode)
	if err != nil {
		return o, nil, err
	}
	by := dsmclient.ByID(key.KID)
	bits := ptr(uint32(t.Bits))
	switch t.Act {
	case task.Encapsulate:
		a, err := g.Client.Encapsulate(ctx, dsmwire.EncapsulateKeyRequest{
			Key: &by, KeyType: newKey, KeySize: bits, Name: g.name(), GroupID: &g.ID, KeyOps: g.newOps(),
		})
		return a.Key, a.Ciphertext, err
	case task.Agree:
		theirs, err := g.key(ctx, &task.Key{Type: t.Peer.Type, Curve: t.Peer.Curve, Private: t.Peer.Public, Public: t.Peer.Public}, "")
		if err != nil {
			return o, nil, err
		}
		o, err = g.Client.Agree(ctx, dsmwire.AgreeKeyRequest{
			PrivateKey: by, PublicKey: dsmclient.ByID(theirs.KID), Mechanism: dsmwire.DiffieHellman, KeyType: newKey, KeySize: bits,
			Name: g.name(), GroupID: &g.ID, KeyOps: g.newOps(),
		})
		return o, nil, err
	case task.HKDF:
		o, err = g.Client.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: &by, Mechanism: dsmwire.DeriveKeyMechanism{HKDF: &dsmwire.DeriveKeyHKDF{HashAlg: t.Hash, Salt: t.Salt, Info: t.Info}},
			KeyType: newKey, KeySize: bits, Name: g.name(), GroupID: &g.ID, KeyOps: g.newOps(),
		})
		return o, nil, err
	default:
		r := dsmwire.EncryptRequest{Alg: t.Key.Type, Mode: mode(t), Plain: t.In, IV: t.IV, AD: t.AD}
		o, err = g.Client.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: &by, Mechanism: dsmwire.DeriveKeyMechanism{EncryptData: &r},
			KeyType: newKey, KeySize: bits, Name: g.name(), GroupID: &g.ID, KeyOps: g.newOps(),
		})
		return o, nil, err
	}
}
