package hmgserver

import (
	"context"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

// What only a worker process does, for the gateway that made it.

func (c *conn) parseHeal(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Heal
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	heal := c.s.cfg.Heal
	if heal == nil {
		return m.Scope, task{}, nil, fault.New(fault.Unsupported, "a gateway heals its HSM by itself")
	}
	slot, err := c.slot(m.Handle)
	return m.Scope, task{do: func(ctx context.Context, _ *gateway.Lease) (any, error) {
		return nil, heal(ctx, slot.number, healing.Step(m.Step))
	}}, nil, err
}

// library asks the library whether it answers, apart: it may hang.
func (c *conn) library(f hmgwire.Frame) {
	ask := c.s.cfg.Library
	if ask == nil {
		c.refuse(f.ID, fault.New(fault.Unsupported, "only a worker tells of its library"), false)
		return
	}
	l := c.begin(f, 0, nil, nil, nil)
	if l == nil {
		c.end(fault.New(fault.Invalid, "a request id was used twice"))
		return
	}
	go func() { c.finish(l, nil, ask(l)) }()
}
