package hmgserver

import (
	"context"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/fault"
)

// A task is a request decoded: what to do with the token, and what that counts
// as. The reply is a message, or nil.
type task struct {
	class meter.Class
	do    func(ctx context.Context, t *gateway.Lease) (reply any, err error)
}

// How much a client may leave unread before it is read no further, and before
// it is given up: answers to what had been read by then still come.
const (
	backlog = 4 << 20
	tooMuch = 64 << 20
)

// read reads and serves requests until the connection ends or the role of
// reader is handed over.
func (c *conn) read() {
	defer c.reading.Done()
	for {
		if !c.room() {
			return
		}
		if !c.in.Waiting() {
			c.rest(false)
		}
		f, err := c.in.Next()
		if err != nil {
			c.end(err)
			return
		}
		if !c.serveFrame(f) {
			return
		}
	}
}

// room waits until the connection may have one more request under way.
func (c *conn) room() bool {
	c.out.WaitBelow(backlog)
	for c.requests.Load() >= int64(c.s.cfg.Requests) || c.bytes.Load() >= c.s.cfg.Bytes {
		select {
		case <-c.freed:
		case <-c.ended:
			return false
		}
	}
	return true
}

// serveFrame begins what f asks for. It reports whether its caller still reads.
func (c *conn) serveFrame(f hmgwire.Frame) bool {
	switch f.Kind {
	case hmgwire.KindPing:
		c.answer(f.ID, nil, !c.in.Waiting())
	case hmgwire.KindCancel:
		c.cancel(f.ID)
	case hmgwire.KindCredit:
		c.credit(f)
	case hmgwire.KindOpen:
		c.open(f)
	case hmgwire.KindLibrary:
		c.library(f)
	case hmgwire.KindClose, hmgwire.KindCheck, hmgwire.KindInventory, hmgwire.KindGenerate,
		hmgwire.KindImport, hmgwire.KindOperate, hmgwire.KindUpdate, hmgwire.KindDestroy, hmgwire.KindHeal,
		hmgwire.KindWrap, hmgwire.KindUnwrap, hmgwire.KindDerive, hmgwire.KindReduce:
		return c.request(f)
	case hmgwire.KindHello, hmgwire.KindAnswer, hmgwire.KindRefusal, hmgwire.KindObjects, hmgwire.KindGoodbye:
		c.end(fault.New(fault.Invalid, "a frame that is not for a gateway"))
		return false
	default: // from a newer client, perhaps
		c.refuse(f.ID, fault.New(fault.Unsupported, "the gateway does not know this kind of request"), false)
	}
	return true
}

// request serves a request about an open slot.
func (c *conn) request(f hmgwire.Frame) bool {
	scope, do, w, err := c.parse(f)
	if err != nil {
		c.refuse(f.ID, err, false)
		return true
	}
	slot, err := c.slot(scope.Handle)
	if err != nil {
		c.refuse(f.ID, err, false)
		return true
	}
	if f.Kind == hmgwire.KindClose {
		c.closeSlot(f.ID, scope.Handle)
		return true
	}
	lane := slot.lanes.of(f.Kind)
	l := c.begin(f, scope.Timeout, slot.lease, lane, w)
	if l == nil {
		c.end(fault.New(fault.Invalid, "a request id was used twice"))
		return false
	}
	if lane == nil {
		go c.run(l, slot, do)
		return true
	}
	limit := quick
	if c.secure == nil {
		limit = alone
	}
	if f.Kind == hmgwire.KindOperate && !c.in.Waiting() && c.requests.Load() == 1 && lane.quick(limit) && lane.enter() {
		l.inPlace = true
		return c.inPlace(func() {
			c.run(l, slot, do)
			lane.leave()
		})
	}
	job := waiter{
		do: func() { c.run(l, slot, do) },
		refuse: func(err error) {
			slot.lanes.meter.Failed(err)
			c.finish(l, nil, err)
		},
		bytes: l.size, end: l.at,
	}
	if err := lane.submit(job); err != nil {
		job.refuse(err)
	}
	return true
}

// run does a task and answers its request.
func (c *conn) run(l *call, slot *openSlot, do task) {
	if err := l.Err(); err != nil || !l.stage.CompareAndSwap(waits, runs) { // while it waited
		c.finish(l, nil, errTooLate())
		return
	}
	begun := time.Now()
	var ctx context.Context = l
	if c.s.cfg.Uninterruptible && l.kind == hmgwire.KindOperate {
		ctx = uninterrupted{&l.deadline}
	}
	reply, err := do.do(ctx, slot.lease)
	if l.lane != nil {
		took := time.Since(begun)
		l.lane.took(begun, took)
		slot.lanes.meter.Did(do.class, took, err)
	}
	c.finish(l, reply, err)
}

// errTooLate is for a request whose time was over before its turn came.
func errTooLate() error {
	return fault.New(fault.Unavailable, "the gateway is busy: the request waited too long").Because(fault.TimedOut).Untried()
}

// cancel ends the context of a request under way.
func (c *conn) cancel(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.calls[id]; l != nil {
		l.end(context.Canceled)
	}
}
