package pkcs11

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
)

// atOnce does as many operations as it can with one crossing into the library,
// and asks with the same what confirm would ask: between two calls Go's scheduler
// takes the processor away, and gives it back. It returns the others: first those
// from the one on that failed, if one did, and then those for which there was no
// room. What a failure means is found out when the operation is done alone.
func (t *Token) atOnce(all []*work) []*work {
	left, err := withSession(context.Background(), t, quick, func(s *session) ([]*work, error) {
		if s.lent { // it is the login's: it must not be dropped here
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
	gen := t.handles.generation()
	var doing []*work
	for _, w := range all {
		if w.ctx.Err() == nil && w.k.gen == gen && t.add(s, w) {
			doing = append(doing, w)
		} else {
			left = append(left, w)
		}
	}
	var uses []keyUse
	if t.m.opts.Recheck != RecheckNever {
		uses = askAll(s.batch, doing)
	}
	begun := time.Now()
	n, err := t.m.lib.RunAll(s.handle, s.batch)
	if err == nil { // otherwise nothing was asked
		t.queue.took(time.Since(begun), n, n+s.batch.Asked())
	}
	if spoils(err) {
		t.renewed.Add(1)
		t.drop(s)
	}
	for i, out := range s.batch.Outputs(n) {
		doing[i].out = append([]byte{}, out...)
	}
	if n == len(doing) && gen == t.handles.generation() {
		for _, u := range uses {
			u.confirm(s.batch, doing)
		}
	}
	return append(doing[n:], left...)
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

// keyUse is the questions of a batch about one use of a key, which is w's.
type keyUse struct {
	w        *work
	from, to int
}

// askAll adds to b what is to be asked about the keys of operations, once for each
// use of a key.
func askAll(b *cryptoki.Batch, doing []*work) (all []keyUse) {
	for _, w := range doing {
		if slices.ContainsFunc(all, func(u keyUse) bool { return u.w.sameUse(w) }) {
			continue
		}
		u := keyUse{w: w, from: b.Asked()}
		for _, q := range w.k.questions(w.j, w.by) {
			if !b.Ask(q.object, q.proof) {
				return all
			}
		}
		u.to = b.Asked()
		all = append(all, u)
	}
	return all
}

// confirm marks the operations with this use of a key, if all answers were yes.
func (u keyUse) confirm(b *cryptoki.Batch, done []*work) {
	for i := u.from; i < u.to; i++ {
		if !b.Same(i) {
			return
		}
	}
	for _, w := range done {
		w.asked = w.asked || w.sameUse(u.w)
	}
}
