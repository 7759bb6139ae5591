package pkcs11

import (
	"cmp"
	"context"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
)

// atOnce does as many operations as it can with one crossing into the library,
// and asks with the same what confirm would ask: between two calls Go's scheduler
// takes the processor away, and gives it back. It returns those that are to be
// done one by one, for want of room or because they, or one before them, failed:
// what that means is found out there.
func (t *Token) atOnce(all []*work) []*work {
	left, err := withSession(context.Background(), t, quick, func(s *session) ([]*work, error) {
		if s.lent {
			return all, nil
		}
		if s.batch == nil {
			s.batch = cryptoki.NewBatch()
		}
		defer s.batch.Clear()
		return t.runAll(s, all), nil
	})
	if err != nil {
		return all
	}
	for _, w := range left {
		w.done = done{}
	}
	return left
}

// runAll is atOnce with a session.
func (t *Token) runAll(s *session, all []*work) (left []*work) {
	var doing []*work
	for _, w := range all {
		if w.ctx.Err() == nil && w.k.gen == t.handles.generation() && t.add(s, w) {
			doing = append(doing, w)
		} else {
			left = append(left, w)
		}
	}
	var asked []asked
	if t.m.opts.Recheck != RecheckNever {
		asked = t.askAll(s.batch, doing)
	}
	n, err := t.m.lib.RunAll(s.handle, s.batch)
	if spoils(err) {
		t.drop(s)
	}
	for i, out := range s.batch.Outputs(n) {
		doing[i].out = append([]byte{}, out...)
	}
	for _, a := range asked {
		if n < len(doing) || !a.same(s.batch) {
			continue
		}
		for _, w := range doing {
			w.asked = w.asked || w.sameUse(a.of)
		}
	}
	return append(left, doing[n:]...)
}

// add adds an operation to the batch of s.
func (t *Token) add(s *session, w *work) bool {
	object := w.j.object
	w.by = t.standIn(s, w.k, w.j)
	if w.by != nil {
		object = w.by.object
	}
	return s.batch.Add(w.j.kind, object, &w.j.mechanism, w.j.in, cmp.Or(w.j.room, scratchSize), w.j.signature)
}

// asked are the questions of a batch about the key of an operation.
type asked struct {
	of       *work
	from, to int
}

func (a asked) same(b *cryptoki.Batch) bool {
	for i := a.from; i < a.to; i++ {
		if !b.Same(i) {
			return false
		}
	}
	return true
}

// askAll adds to b what is to be asked about the keys of operations, once for each
// use of a key.
func (t *Token) askAll(b *cryptoki.Batch, doing []*work) (all []asked) {
next:
	for _, w := range doing {
		for _, a := range all {
			if w.sameUse(a.of) {
				continue next
			}
		}
		a := asked{of: w, from: b.Asked()}
		for _, q := range w.k.questions(w.j, w.by) {
			if !b.Ask(q.object, q.proof) {
				return all
			}
		}
		a.to = b.Asked()
		all = append(all, a)
	}
	return all
}
