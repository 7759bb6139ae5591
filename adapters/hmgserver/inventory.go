package hmgserver

import (
	"context"
	"sync"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
)

// When a part of an inventory is sent although it is not full.
const (
	partBytes = 64 << 10
	partTime  = 100 * time.Millisecond
)

// parseInventory decodes a request for an inventory, which is sent in parts: as
// many as the client has given credit for, so that neither side keeps it.
func (c *conn) parseInventory(f hmgwire.Frame) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Inventory
	if err := hmgwire.Decode(f.Body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	w := newWindow(int(min(max(m.Window, 1), hmgwire.MaxWindow)))
	id := f.ID
	return m.Scope, task{meter.Inventory, func(ctx context.Context, t *gateway.Lease) (any, error) {
		p := part{since: time.Now()}
		send := func() error {
			if ctx.Err() != nil {
				return fault.Wrap(fault.Unavailable, ctx.Err(), "sending the inventory").Because(fault.TimedOut)
			}
			if err := w.take(ctx, c.s.cfg.Patience); err != nil {
				return err
			}
			c.send(hmgwire.KindObjects, id, &hmgwire.Objects{Objects: p.objects}, false)
			p = part{objects: p.objects[:0], since: time.Now()}
			return nil
		}
		err := t.Inventory(ctx, hsm.Filter{ID: m.ID, Afresh: m.Afresh}, func(o hsm.Object) error {
			if p.add(o); p.full() {
				return send()
			}
			return nil
		})
		if err == nil && len(p.objects) > 0 {
			err = send()
		}
		return nil, err
	}}, w, nil
}

// A part is what goes into one Objects frame.
type part struct {
	objects []hmgwire.Object
	bytes   int
	since   time.Time
}

func (p *part) add(o hsm.Object) {
	p.objects = append(p.objects, hmgwire.NewObject(o))
	p.bytes += len(o.ID) + len(o.Label) + len(o.PublicKey) + len(o.CheckValue) + len(o.Unreadable)
}

func (p *part) full() bool {
	return len(p.objects) >= hmgwire.MaxChunk || p.bytes >= partBytes || time.Since(p.since) >= partTime
}

// A window counts the Objects frames that may still be sent.
type window struct {
	mu     sync.Mutex
	frames int
	more   chan struct{}
}

func newWindow(frames int) *window { return &window{frames: frames, more: make(chan struct{}, 1)} }

// take waits for a frame to be allowed, which a client must not let last.
func (w *window) take(ctx context.Context, patience time.Duration) error {
	if w.taken() {
		return nil
	}
	slow := time.NewTimer(patience)
	defer slow.Stop()
	for !w.taken() {
		select {
		case <-w.more:
		case <-slow.C:
			return fault.New(fault.Unavailable, "the client takes the inventory too slowly").Because(fault.TimedOut)
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, ctx.Err(), "sending the inventory").Because(fault.TimedOut)
		}
	}
	return nil
}

func (w *window) taken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frames == 0 {
		return false
	}
	w.frames--
	return true
}

// add allows more frames; false when that is beyond the protocol.
func (w *window) add(frames uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if frames > hmgwire.MaxWindow || w.frames+int(frames) > hmgwire.MaxWindow {
		return false
	}
	w.frames += int(frames)
	nudge(w.more)
	return true
}

// credit lets an inventory go on. One that has ended needs none.
func (c *conn) credit(f hmgwire.Frame) {
	var m hmgwire.Credit
	err := hmgwire.Decode(f.Body, &m)
	if err != nil {
		c.end(err)
		return
	}
	c.mu.Lock()
	l := c.calls[f.ID]
	c.mu.Unlock()
	if l != nil && l.window != nil && !l.window.add(m.Frames) {
		c.end(fault.New(fault.Invalid, "more credit than the protocol allows"))
	}
}
