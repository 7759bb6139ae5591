package hmgserver

import (
	"log/slog"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/fault"
)

// Bounds of what one client may have open, or be opening.
const (
	maxSlots   = 256
	maxOpening = 16
)

// openSlot is a slot that the client has opened.
type openSlot struct {
	number uint
	lease  *gateway.Lease
	lanes  *slotLanes
}

// open opens a slot for the client. Logging in may take long, so it is done apart.
func (c *conn) open(f hmgwire.Frame) {
	var m hmgwire.Open
	if err := hmgwire.Decode(f.Body, &m); err != nil {
		c.refuse(f.ID, err, false)
		return
	}
	c.mu.Lock()
	full := c.opening >= maxOpening || len(c.slots)+c.opening >= maxSlots
	stopping := c.draining
	if !full && !stopping {
		c.opening++
	}
	c.mu.Unlock()
	switch {
	case stopping:
		c.refuse(f.ID, errStopping(), false)
		return
	case full:
		c.refuse(f.ID, fault.New(fault.Exhausted, "too many slots are open on this connection"), false)
		return
	}
	c.rest(true)
	l := c.begin(f, m.Timeout, nil, nil, nil)
	if l == nil {
		c.end(fault.New(fault.Invalid, "a request id was used twice"))
		return
	}
	go func() {
		begun := time.Now()
		lease, err := c.s.cfg.Gateway.Open(l, uint(m.Slot), m.PIN.Value(), m.Insist)
		if err != nil {
			c.s.cfg.Meter.Known(uint(m.Slot)).Did(meter.Open, time.Since(begun), err)
			c.log.Info("slot not opened", slog.Uint64("slot", m.Slot), slog.Any("error", err))
			c.mu.Lock()
			c.opening--
			c.uselessLocked()
			c.mu.Unlock()
			c.finish(l, nil, err)
			return
		}
		c.log.Info("slot opened", slog.Uint64("slot", m.Slot))
		s := &openSlot{number: uint(m.Slot), lease: lease, lanes: c.s.lanes.hold(uint(m.Slot))}
		s.lanes.meter.Did(meter.Open, time.Since(begun), nil)
		c.mu.Lock()
		c.opening--
		c.handle++
		handle := c.handle
		c.slots[handle] = s
		c.mu.Unlock()
		c.in.Limit(hmgwire.MaxFrame)
		c.tasks.Add(1)
		defer c.tasks.Done()
		if !c.finish(l, &hmgwire.Opened{Handle: handle}, nil) { // nobody knows the handle
			c.mu.Lock()
			delete(c.slots, handle)
			c.uselessLocked()
			c.mu.Unlock()
			c.release(s)
		}
	}()
}

// slot returns the slot that the client has opened under a handle.
func (c *conn) slot(handle uint32) (*openSlot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return nil, errStopping()
	}
	s := c.slots[handle]
	if s == nil {
		return nil, fault.New(fault.Invalid, "no slot is open under this handle")
	}
	return s, nil
}

// closeSlot gives up a slot; its calls under way are answered first.
func (c *conn) closeSlot(id uint64, handle uint32) {
	c.mu.Lock()
	s := c.slots[handle]
	delete(c.slots, handle)
	c.uselessLocked()
	c.tasks.Add(1)
	c.mu.Unlock()
	if s == nil {
		c.tasks.Done()
		c.refuse(id, fault.New(fault.Invalid, "no slot is open under this handle"), false)
		return
	}
	go func() {
		defer c.tasks.Done()
		c.release(s)
		c.answer(id, nil, false)
	}()
}

// closeSlots gives up all slots when the connection has ended.
func (c *conn) closeSlots() {
	c.mu.Lock()
	slots := c.slots
	c.slots = nil
	c.mu.Unlock()
	for _, s := range slots {
		c.release(s)
	}
}

func (c *conn) release(s *openSlot) {
	_ = s.lease.Close() // a lease's Close has nothing to report
	c.s.lanes.release(s.number)
}

func errStopping() error { return fault.New(fault.Unavailable, "the gateway is stopping").Untried() }
