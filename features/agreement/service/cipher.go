package service

import (
	"context"
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/features/agreement/task"
)

// with names the key of a task: the group's copy, or one that nobody keeps. A
// peer that took a key of its own has it in m.
func (g *Group) with(ctx context.Context, t task.Task, m task.Made) (dsmwire.SobjectDescriptor, error) {
	k := t.Key
	if len(m.Key) > 0 {
		k = &task.Key{Type: k.Type, Size: k.Size, Private: m.Key}
	}
	if t.How == task.Transient {
		o, err := g.Client.Import(ctx, dsmwire.SobjectRequest{
			ObjType: k.Type, Value: dsmwire.NewSecretBytes(secret.New(append([]byte(nil), k.Private...))), Transient: ptr(true), GroupID: &g.ID,
			Name: g.name(),
		})
		return dsmwire.SobjectDescriptor{TransientKey: o.TransientKey}, err
	}
	o, err := g.key(ctx, k, t.Mode)
	return dsmclient.ByID(o.KID), err
}

func (g *Group) encrypt(ctx context.Context, t task.Task) (task.Made, error) {
	key, err := g.with(ctx, t, task.Made{})
	if err != nil {
		return task.Made{}, err
	}
	if t.How == task.InParts {
		return g.encryptParts(ctx, t, key)
	}
	r := dsmwire.EncryptRequest{Key: &key, Alg: t.Key.Type, Mode: mode(t), Plain: present(t.In), IV: t.IV, AD: t.AD, Label: t.Label}
	if t.TagBits != 0 {
		r.TagLen = &t.TagBits
	}
	if t.How != task.InBatch {
		a, err := g.Client.Encrypt(ctx, r)
		return task.Made{Out: a.Cipher, IV: a.IV, Tag: a.Tag}, err
	}
	r.Key = nil
	item := dsmwire.BatchItem[dsmwire.EncryptRequest]{KID: key.KID, Request: r}
	results, err := g.Client.BatchEncrypt(ctx, []dsmwire.BatchItem[dsmwire.EncryptRequest]{item, item, item})
	if err != nil {
		return task.Made{}, err
	}
	a, err := last(results)
	return task.Made{Out: a.Cipher, IV: a.IV, Tag: a.Tag}, err
}

func (g *Group) decrypt(ctx context.Context, t task.Task, m task.Made) ([]byte, error) {
	key, err := g.with(ctx, t, m)
	if err != nil {
		return nil, err
	}
	if t.How == task.InParts {
		return g.decryptParts(ctx, t, key, m)
	}
	r := dsmwire.DecryptRequest{
		Key: &key, Alg: t.Key.Type, Mode: mode(t), Cipher: present(m.Out), IV: m.IV, AD: t.AD, Tag: m.Tag, Label: t.Label,
	}
	if t.How != task.InBatch {
		a, err := g.Client.Decrypt(ctx, r)
		return a.Plain, err
	}
	r.Key = nil
	item := dsmwire.BatchItem[dsmwire.DecryptRequest]{KID: key.KID, Request: r}
	results, err := g.Client.BatchDecrypt(ctx, []dsmwire.BatchItem[dsmwire.DecryptRequest]{item, item, item})
	if err != nil {
		return nil, err
	}
	a, err := last(results)
	return a.Plain, err
}

// last returns the last result of a batch in which all went well.
func last[R any](results []dsmwire.BatchResult[R]) (r R, err error) {
	if len(results) != 3 {
		return r, errors.New("a batch of three has not three results")
	}
	for _, one := range results {
		if one.Body == nil {
			return r, errors.Join(task.ErrRefused, errors.New(one.Error))
		}
		r = *one.Body
	}
	return r, nil
}

// parts cuts a message at places that are at no border of a block.
func parts(b []byte) [][]byte {
	first := min(len(b), 7)
	second := min(len(b), 37)
	return [][]byte{b[:first], b[first:second], b[second:]}
}

func (g *Group) encryptParts(ctx context.Context, t task.Task, key dsmwire.SobjectDescriptor) (m task.Made, err error) {
	begun, err := g.Client.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: &key, Alg: t.Key.Type, Mode: mode(t), IV: t.IV, AD: t.AD})
	if err != nil {
		return m, err
	}
	m.IV = begun.IV
	state := begun.State
	for _, part := range parts(t.In) {
		a, err := g.Client.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{Key: &key, Plain: present(part), State: state})
		if err != nil {
			return m, err
		}
		m.Out, state = append(m.Out, a.Cipher...), a.State
	}
	a, err := g.Client.EncryptFinal(ctx, dsmwire.EncryptFinalRequest{Key: &key, State: state})
	m.Out, m.Tag = append(m.Out, a.Cipher...), a.Tag
	return m, err
}

func (g *Group) decryptParts(ctx context.Context, t task.Task, key dsmwire.SobjectDescriptor, m task.Made) (plain []byte, err error) {
	begun, err := g.Client.DecryptInit(ctx, dsmwire.DecryptInitRequest{Key: &key, Alg: t.Key.Type, Mode: mode(t), IV: m.IV, AD: t.AD})
	if err != nil {
		return nil, err
	}
	state := begun.State
	for _, part := range parts(m.Out) {
		a, err := g.Client.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{Key: &key, Cipher: present(part), State: state})
		if err != nil {
			return nil, err
		}
		plain, state = append(plain, a.Plain...), a.State
	}
	a, err := g.Client.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{Key: &key, State: state, Tag: m.Tag})
	return append(plain, a.Plain...), err
}
