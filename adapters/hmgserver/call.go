package hmgserver

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/core/fault"
)

// A call is a request under way.
type call struct {
	deadline
	kind    hmgwire.Kind
	id      uint64
	size    int64
	window  *window        // inventories only
	inPlace bool           // the reader does it, and so answers at once
	lease   *gateway.Lease // nil while a slot is being opened
	lane    *lane          // that it is or was in; nil: in none
	stage   atomic.Uint32
	told    atomic.Bool // it has its answer
}

// The stages of a call.
const (
	waits   uint32 = iota // for its turn
	runs                  // in the token
	dropped               // given up before its turn came
)

// begin registers a request. It returns nil for an id that is in use, after
// which the connection makes no sense.
func (c *conn) begin(f hmgwire.Frame, timeout uint32, lease *gateway.Lease, in *lane, w *window) *call {
	limit := c.s.cfg.Call
	if d := time.Duration(timeout) * time.Millisecond; d > 0 && d < limit {
		limit = d
	}
	l := &call{
		deadline: deadline{at: time.Now().Add(limit)},
		kind:     f.Kind, id: f.ID, size: int64(len(f.Body)), lease: lease, lane: in, window: w,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, used := c.calls[l.id]; used {
		return nil
	}
	c.calls[l.id] = l
	c.tasks.Add(1)
	c.requests.Add(1)
	c.bytes.Add(l.size)
	return l
}

// finish answers a request that begin has registered, unless it has its answer.
func (c *conn) finish(l *call, reply any, err error) (answered bool) {
	c.mu.Lock()
	if c.calls[l.id] == l {
		delete(c.calls, l.id)
	}
	c.mu.Unlock()
	l.end(context.Canceled)
	if err != nil && fault.KindOf(err) == fault.Internal {
		c.log.Error("request failed", slog.Int("kind", int(l.kind)), slog.Any("error", err))
	}
	answered = l.told.CompareAndSwap(false, true)
	switch {
	case !answered: // it took too long, and was swept
	case err != nil:
		c.refuse(l.id, err, l.inPlace)
	default:
		c.answer(l.id, reply, l.inPlace)
	}
	requests, size := c.requests.Add(-1), c.bytes.Add(-l.size)
	if requests+1 >= int64(c.s.cfg.Requests) || size+l.size >= c.s.cfg.Bytes {
		nudge(c.freed)
	}
	if requests == 0 {
		nudge(c.quiet)
	}
	c.tasks.Done()
	return answered
}

// sweep answers the requests whose time is over although their calls go on: a
// call to a PKCS#11 library that hangs cannot be ended.
func (c *conn) sweep(now time.Time) {
	var over []*call
	c.mu.Lock()
	for id, l := range c.calls {
		if now.After(l.at.Add(sweepGrace)) && l.told.CompareAndSwap(false, true) {
			over = append(over, l)
			delete(c.calls, id)
		}
	}
	c.mu.Unlock()
	for _, l := range over {
		l.end(context.DeadlineExceeded)
		if l.lane != nil && l.stage.CompareAndSwap(waits, dropped) { // the token has not seen it
			l.lane.meter.Failed(errTooLate())
			c.refuse(l.id, errTooLate(), false)
			continue
		}
		c.refuse(l.id, fault.New(fault.Unavailable, "the HSM did not answer in time").Because(fault.TimedOut), false)
		if l.lease != nil {
			l.lease.Suspect()
		}
	}
}

// cancelAll ends all requests under way when the connection has ended.
func (c *conn) cancelAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.calls {
		l.end(context.Canceled)
	}
}

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// answer sends the answer to a request.
func (c *conn) answer(id uint64, reply any, now bool) { c.send(hmgwire.KindAnswer, id, reply, now) }

// refuse sends the error that a request ended with.
func (c *conn) refuse(id uint64, err error, now bool) {
	r := hmgwire.NewRefusal(err)
	r.Reopen = errors.Is(err, gateway.ErrRetired)
	c.send(hmgwire.KindRefusal, id, &r, now)
}

// buffers are those that frames are made in.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// send sends a frame: in place when now is set and nothing else waits.
func (c *conn) send(k hmgwire.Kind, id uint64, body any, now bool) {
	buf, ok := buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	buf.Reset()
	defer func() {
		if buf.Cap() <= hmgwire.MaxFirstFrame {
			buffers.Put(buf)
		}
	}()
	if err := hmgwire.Append(buf, k, id, body); err != nil {
		buf.Reset()
		if k == hmgwire.KindRefusal || hmgwire.Append(buf, hmgwire.KindRefusal, id, hmgwire.NewRefusal(err)) != nil {
			c.end(err)
			return
		}
	}
	send := c.out.Send
	if now {
		send = c.out.SendNow
	}
	if err := send(buf.Bytes()); err != nil {
		c.end(err)
	} else if buf.Len() > backlog/64 && c.out.Backlog() > tooMuch {
		c.end(fault.New(fault.Exhausted, "the client does not read its answers"))
	}
}
