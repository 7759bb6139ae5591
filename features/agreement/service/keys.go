package service

import (
	"context"
	"crypto"
	_ "crypto/sha256" // the digests that are made before they are signed
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/features/agreement/task"
)

// signed returns what is signed: the data, or a digest of them.
func signed(t task.Task) (hash, data []byte) {
	if t.How != task.Prehashed {
		return nil, present(t.In)
	}
	d := crypto.SHA256.New()
	d.Write(t.In)
	return d.Sum(nil), nil
}

func (g *Group) sign(ctx context.Context, t task.Task) (m task.Made, err error) {
	var o dsmwire.Sobject
	if t.How == task.Generated {
		o, err = g.generate(ctx, t.Key)
		m.Public = o.PubKey
		defer func() { err = errors.Join(err, g.forget(ctx, o)) }()
	} else {
		o, err = g.key(ctx, t.Key, "")
	}
	if err != nil {
		return m, err
	}
	r := dsmwire.SignRequest{Key: ptr(dsmclient.ByID(o.KID)), HashAlg: t.Hash, Mode: mode(t), Context: t.Context}
	r.Hash, r.Data = signed(t)
	if t.How != task.InBatch {
		a, err := g.Client.Sign(ctx, r)
		m.Out = a.Signature
		return m, err
	}
	results, err := g.Client.BatchSign(ctx, []dsmwire.SignRequest{r, r, r})
	if err != nil {
		return m, err
	}
	a, err := last(results)
	m.Out = a.Signature
	return m, err
}

func (g *Group) generate(ctx context.Context, k *task.Key) (dsmwire.Sobject, error) {
	r := dsmwire.SobjectRequest{Name: g.name(), GroupID: &g.ID, ObjType: k.Type, EllipticCurve: k.Curve}
	switch {
	case k.ParamSet != "" && k.Type == "MLDSA":
		r.MLDSA = &dsmwire.ParamSetOptions{ParamSet: k.ParamSet}
	case k.Curve == "":
		r.KeySize = ptr(uint32(k.Size))
	}
	return g.Client.Generate(ctx, r)
}

// forget deletes a key, if there is one.
func (g *Group) forget(ctx context.Context, o dsmwire.Sobject) error {
	if o.KID == "" {
		return nil
	}
	return g.Client.DeleteKey(ctx, o.KID)
}

func (g *Group) verify(ctx context.Context, t task.Task, m task.Made) error {
	o, err := g.key(ctx, t.Key, "")
	if err != nil {
		return err
	}
	r := dsmwire.VerifyRequest{Key: ptr(dsmclient.ByID(o.KID)), HashAlg: t.Hash, Mode: mode(t), Signature: m.Out, Context: t.Context}
	r.Hash, r.Data = signed(t)
	if t.How != task.InBatch {
		return yes(g.Client.Verify(ctx, r))
	}
	results, err := g.Client.BatchVerify(ctx, []dsmwire.VerifyRequest{r, r, r})
	if err != nil {
		return err
	}
	a, err := last(results)
	return yes(a.Result, err)
}

func (g *Group) mac(ctx context.Context, t task.Task) (task.Made, error) {
	o, err := g.key(ctx, t.Key, "")
	if err != nil {
		return task.Made{}, err
	}
	a, err := g.Client.MAC(ctx, dsmwire.MACRequest{Key: ptr(dsmclient.ByID(o.KID)), Alg: t.Hash, Data: present(t.In)})
	return task.Made{Out: a.MAC}, err
}

func (g *Group) verifyMAC(ctx context.Context, t task.Task, m task.Made) error {
	o, err := g.key(ctx, t.Key, "")
	if err != nil {
		return err
	}
	return yes(g.Client.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: ptr(dsmclient.ByID(o.KID)), Alg: t.Hash, Data: present(t.In), MAC: m.Out}))
}
