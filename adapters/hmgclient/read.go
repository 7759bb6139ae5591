package hmgclient

import (
	"errors"
	"io"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

// read takes in what the gateway sends, until the link ends.
func (l *link) read() {
	for {
		f, err := l.in.Next()
		if err == nil {
			if !l.heard.Load() {
				l.heard.Store(true)
			}
			err = l.take(f)
		}
		if err != nil || !l.in.Waiting() {
			l.flush()
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			l.fail(errBroken(err))
			return
		}
	}
}

// take handles one frame; an error means that the gateway makes no sense.
func (l *link) take(f hmgwire.Frame) error {
	switch f.Kind { // the default covers what a gateway must not send
	case hmgwire.KindAnswer:
		c := l.answered(f.ID)
		if c == nil {
			return nil
		}
		if c.late {
			var o hmgwire.Opened
			if hmgwire.Decode(f.Body, &o) == nil {
				(&lease{link: l, handle: o.Handle}).giveUp()
			}
		}
		var err error
		if c.reply != nil {
			err = hmgwire.Decode(f.Body, c.reply)
		}
		if err != nil {
			err = errStranger(err)
		}
		l.tell(c, err)
		l.endIfOver()
		return err
	case hmgwire.KindRefusal:
		c := l.answered(f.ID)
		if c == nil {
			return nil
		}
		var r hmgwire.Refusal
		if err := hmgwire.Decode(f.Body, &r); err != nil {
			err = errStranger(err)
			l.tell(c, err)
			return err
		}
		err := r.Err()
		if r.Reopen {
			err = fault.Wrap(fault.Unavailable, errReopen, "%s", fault.Message(err)).Untried()
		}
		l.tell(c, err)
		l.endIfOver()
		return nil
	case hmgwire.KindObjects:
		var m hmgwire.Objects
		if err := hmgwire.Decode(f.Body, &m); err != nil {
			return err
		}
		l.mu.Lock()
		c := l.calls[f.ID]
		l.mu.Unlock()
		if c == nil || c.parts == nil {
			return nil // abandoned
		}
		select {
		case c.parts <- m.Objects:
			return nil
		default:
			return fault.New(fault.Internal, "more of an inventory than was asked for")
		}
	case hmgwire.KindGoodbye:
		l.over.Store(true)
		l.endIfOver()
		return nil
	default:
		return fault.New(fault.Internal, "a frame that is not for a client")
	}
}

// answered takes the call out that an answer is for; nil when nobody waits.
func (l *link) answered(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[id]
	delete(l.calls, id)
	l.owed = max(0, l.owed-1)
	return c
}

// endIfOver closes a link whose gateway has said goodbye and owes nothing.
func (l *link) endIfOver() {
	if !l.over.Load() {
		return
	}
	l.mu.Lock()
	owed := l.owed
	l.mu.Unlock()
	if owed == 0 {
		l.fail(fault.New(fault.Unavailable, "the gateway is stopping"))
	}
}

// told is a call whose answer is there.
type told struct {
	call *call
	err  error
}

// tell notes that a call has its answer. Callers are woken together, when all
// that has arrived is decoded: so what they send next is ready together, too.
func (l *link) tell(c *call, err error) { l.ready = append(l.ready, told{c, err}) }

func (l *link) flush() {
	for _, t := range l.ready {
		t.call.done <- t.err
	}
	clear(l.ready)
	l.ready = l.ready[:0]
}
