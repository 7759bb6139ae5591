package hmgclient

import (
	"context"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

func (l *lease) scope(ctx context.Context) hmgwire.Scope {
	return hmgwire.Scope{Handle: l.handle, Timeout: timeout(ctx)}
}

// Check does a real call to the token and tells what it is.
func (t *Token) Check(ctx context.Context) (hsm.Info, error) {
	var info hmgwire.Info
	err := t.use(ctx, repeated, func(l *lease) error {
		scope := l.scope(ctx)
		return l.link.do(ctx, hmgwire.KindCheck, &scope, &info)
	})
	if err != nil {
		return hsm.Info{}, err
	}
	return info.Info(), nil
}

// Generate makes a key.
func (t *Token) Generate(ctx context.Context, tmpl hsm.Template) (hsm.Object, error) {
	var o hmgwire.Object
	err := t.use(ctx, once, func(l *lease) error {
		return l.link.do(ctx, hmgwire.KindGenerate, &hmgwire.Generate{Scope: l.scope(ctx), Template: hmgwire.NewTemplate(tmpl)}, &o)
	})
	if err != nil {
		return hsm.Object{}, err
	}
	return o.Object(), nil
}

// Import puts a key into the token.
func (t *Token) Import(ctx context.Context, tmpl hsm.Template, material secret.Value) (hsm.Object, error) {
	var o hmgwire.Object
	err := t.use(ctx, once, func(l *lease) error {
		return l.link.do(ctx, hmgwire.KindImport, &hmgwire.Import{
			Scope: l.scope(ctx), Template: hmgwire.NewTemplate(tmpl), Material: material.Reveal(reveal.Permit{}),
		}, &o)
	})
	if err != nil {
		return hsm.Object{}, err
	}
	return o.Object(), nil
}

// Operate does op with a key.
func (t *Token) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	request := hmgwire.Operate{Ref: hmgwire.NewRef(ref)}
	var err error
	if request.Operation, err = hmgwire.NewOperation(op); err != nil {
		return operations.Result{}, err
	}
	var r hmgwire.Result
	err = t.use(ctx, repeated, func(l *lease) error {
		r = hmgwire.Result{}
		request.Scope = l.scope(ctx)
		return l.link.do(ctx, hmgwire.KindOperate, &request, &r)
	})
	return operations.Result(r), err
}

// Update changes attributes of a key.
func (t *Token) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	return t.use(ctx, once, func(l *lease) error {
		u, kind := hmgwire.NewUpdate(l.scope(ctx), ref, c), hmgwire.KindUpdate
		if c.RemovePrivate || c.Unextractable {
			kind = hmgwire.KindReduce
		}
		return l.link.do(ctx, kind, &u, nil)
	})
}

// Destroy removes a key.
func (t *Token) Destroy(ctx context.Context, ref hsm.Ref) error {
	return t.use(ctx, once, func(l *lease) error {
		return l.link.do(ctx, hmgwire.KindDestroy, &hmgwire.Destroy{Scope: l.scope(ctx), Ref: hmgwire.NewRef(ref)}, nil)
	})
}

// Inventory yields the objects in the slot as they arrive.
func (t *Token) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	return t.use(ctx, once, func(l *lease) error { return l.inventory(ctx, f, yield) })
}

// parts is how many parts of an inventory may be on their way.
const parts = 8

func (l *lease) inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	c := &call{done: make(chan error, 1), parts: make(chan []hmgwire.Object, parts)}
	id, err := l.link.send(hmgwire.KindInventory, &hmgwire.Inventory{Scope: l.scope(ctx), ID: f.ID, Window: parts, Afresh: f.Afresh}, c)
	if err != nil {
		return err
	}
	pass := func(objects []hmgwire.Object) error {
		for _, o := range objects {
			err := yield(o.Object())
			if err == nil && ctx.Err() != nil {
				err = ended(ctx)
			}
			if err != nil {
				l.link.abandon(id)
				return err
			}
		}
		return nil
	}
	for {
		select {
		case objects := <-c.parts:
			if err := pass(objects); err != nil {
				return err
			}
			l.link.post(hmgwire.KindCredit, id, hmgwire.Credit{Frames: 1})
		case err := <-c.done:
			for len(c.parts) > 0 && err == nil {
				err = pass(<-c.parts)
			}
			return err
		case <-ctx.Done():
			l.link.abandon(id)
			return ended(ctx)
		}
	}
}

// Heal asks a worker process to take a step of the healing ladder for the token.
// fault.Unsupported: the step is not for a worker, or this is a gateway.
func (t *Token) Heal(ctx context.Context, step healing.Step) error {
	return t.use(ctx, once, func(l *lease) error {
		return l.link.do(ctx, hmgwire.KindHeal, &hmgwire.Heal{Scope: l.scope(ctx), Step: uint8(step)}, nil)
	})
}
