package hmgserver

import (
	"context"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/hsm"
)

// parse decodes a request about an open slot.
func (c *conn) parse(f hmgwire.Frame) (hmgwire.Scope, task, *window, error) {
	switch f.Kind { // the caller passes these only
	case hmgwire.KindOperate:
		return parseOperate(f.Body)
	case hmgwire.KindInventory:
		return c.parseInventory(f)
	case hmgwire.KindGenerate:
		return parseGenerate(f.Body)
	case hmgwire.KindImport:
		return parseImport(f.Body)
	case hmgwire.KindUpdate, hmgwire.KindReduce:
		return parseUpdate(f.Body)
	case hmgwire.KindDestroy:
		return parseDestroy(f.Body)
	case hmgwire.KindWrap:
		return parseWrap(f.Body)
	case hmgwire.KindUnwrap:
		return parseMake(f.Body, meter.Unwrap)
	case hmgwire.KindDerive:
		return parseMake(f.Body, meter.Derive)
	case hmgwire.KindHeal:
		return c.parseHeal(f.Body)
	case hmgwire.KindCheck:
		var m hmgwire.Scope
		err := hmgwire.Decode(f.Body, &m)
		return m, task{meter.Check, check}, nil, err
	default: // KindClose
		var m hmgwire.Scope
		err := hmgwire.Decode(f.Body, &m)
		return m, task{}, nil, err
	}
}

func check(ctx context.Context, t *gateway.Lease) (any, error) {
	info, err := t.Check(ctx)
	return hmgwire.NewInfo(info), err
}

func parseOperate(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Operate
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	ref, err := m.Ref.Ref()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	op, err := m.Operation.Operation()
	return m.Scope, task{meter.Of(op), func(ctx context.Context, t *gateway.Lease) (any, error) {
		r, err := t.Operate(ctx, ref, op)
		return (*hmgwire.Result)(&r), err
	}}, nil, err
}

func parseGenerate(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Generate
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	template, err := m.Template.Template()
	return m.Scope, task{meter.Generate, func(ctx context.Context, t *gateway.Lease) (any, error) {
		o, err := t.Generate(ctx, template)
		return object(o), err
	}}, nil, err
}

func parseImport(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Import
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	template, err := m.Template.Template()
	material := m.Material.Value()
	return m.Scope, task{meter.Import, func(ctx context.Context, t *gateway.Lease) (any, error) {
		o, err := t.Import(ctx, template, material)
		return object(o), err
	}}, nil, err
}

func parseUpdate(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Update
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	ref, err := m.Ref.Ref()
	return m.Scope, task{meter.Update, func(ctx context.Context, t *gateway.Lease) (any, error) {
		return nil, t.Update(ctx, ref, m.Change())
	}}, nil, err
}

func parseDestroy(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Destroy
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	ref, err := m.Ref.Ref()
	return m.Scope, task{meter.Destroy, func(ctx context.Context, t *gateway.Lease) (any, error) {
		return nil, t.Destroy(ctx, ref)
	}}, nil, err
}

func object(o hsm.Object) *hmgwire.Object {
	w := hmgwire.NewObject(o)
	return &w
}
