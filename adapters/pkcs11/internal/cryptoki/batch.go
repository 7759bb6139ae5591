package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_run_all
#cgo nocallback gh_run_all
*/
import "C"

import (
	"iter"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// Limits of a Batch.
const (
	MaxBatch  = 16       // operations
	maxAsked  = 32       // questions
	batchRoom = 40 << 10 // bytes of input, and of output
)

// A Batch is single-part operations that are done one after the other with one
// crossing into C, and questions that are asked after them. It is used again and
// again, from one goroutine at a time; its room is kept.
type Batch struct {
	tasks     []C.gh_task
	in, out   []byte // what follows each other there is the operations'
	room      int    // bytes of out that are given away
	questions []C.gh_question
	values    []byte
}

// NewBatch returns an empty Batch.
func NewBatch() *Batch {
	return &Batch{
		tasks: make([]C.gh_task, 0, MaxBatch), in: make([]byte, 0, batchRoom), out: make([]byte, batchRoom),
		questions: make([]C.gh_question, 0, maxAsked),
	}
}

// Add adds what Library.Run does with these parameters, with so many bytes of
// room for its output; for Verify with the signature. It reports whether there
// was place for it.
func (b *Batch) Add(k Kind, key Object, m *Mechanism, in []byte, room int, signature []byte) bool {
	if k == Verify {
		room = len(signature)
	}
	size := len(m.P) + len(m.Q) + len(in)
	if len(b.tasks) == cap(b.tasks) || size > cap(b.in)-len(b.in) || room > len(b.out)-b.room {
		return false
	}
	b.tasks = append(b.tasks, C.gh_task{
		kind: C.int(k), key: C.gh_ulong(key), m: m.c(),
		plen: C.gh_ulong(len(m.P)), qlen: C.gh_ulong(len(m.Q)), inlen: C.gh_ulong(len(in)), room: C.gh_ulong(room),
	})
	b.in = append(append(append(b.in, m.P...), m.Q...), in...)
	if k == Verify {
		copy(b.out[b.room:], signature)
	}
	b.room += room
	return true
}

// Ask adds the question of Library.Same, and reports whether there was place for it.
func (b *Batch) Ask(object Object, p *Proof) bool {
	n := len(p.t.types)
	if len(b.questions) == cap(b.questions) || n > C.GH_MAX_ASKED {
		return false
	}
	q := C.gh_question{object: C.gh_ulong(object), n: C.gh_ulong(n)}
	copy(q.types[:], p.t.types)
	copy(q.lens[:], p.t.lens)
	b.questions, b.values = append(b.questions, q), append(b.values, p.t.block...)
	return true
}

// Asked tells how many questions b has.
func (b *Batch) Asked() int { return len(b.questions) }

// Same reports whether the answer to the i-th question was surely yes.
func (b *Batch) Same(i int) bool { return b.questions[i].same != 0 }

// RunAll does the operations of b in s, until one fails. It returns how many were
// done, and why the next one was not; of that, and of those after it, nothing is
// known. The questions are asked when none has failed. After an error the session
// may have an operation active, as after Run.
func (l *Library) RunAll(s Session, b *Batch) (done int, err error) {
	if len(b.tasks) == 0 {
		return 0, nil
	}
	done = int(C.gh_run_all(l.c, C.gh_ulong(s), C.gh_ulong(len(b.tasks)), unsafe.SliceData(b.tasks), bytesOf(b.in), bytesOf(b.out),
		C.gh_ulong(len(b.questions)), unsafe.SliceData(b.questions), bytesOf(b.values)))
	switch {
	case done == len(b.tasks):
		return done, nil
	case b.tasks[done].told.rv != 0:
		return done, pkcs11.Error(b.tasks[done].told.rv)
	default:
		return done, ErrNonsense
	}
}

// Outputs yields the outputs of the first n operations, none for Verify. They are
// valid until Clear.
func (b *Batch) Outputs(n int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		at := 0
		for i, t := range b.tasks[:n] {
			out := b.out[at:][:t.told.len]
			if t.kind == C.GH_VERIFY {
				out = nil
			}
			if !yield(i, out) {
				return
			}
			at += int(t.room)
		}
	}
}

// Clear empties b, and leaves nothing of its inputs and outputs.
func (b *Batch) Clear() {
	clear(b.in)
	clear(b.out[:b.room])
	b.tasks, b.in, b.room = b.tasks[:0], b.in[:0], 0
	b.questions, b.values = b.questions[:0], b.values[:0]
}
