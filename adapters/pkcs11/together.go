package pkcs11

import (
	"context"
	"runtime"
	"sync"
	"time"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// Operations are done one after the other by the goroutine that has come first,
// for those that come meanwhile too, as long as each takes little time: what a
// library does quickly it mostly does under one lock, and threads that fight for
// that, and goroutines that are woken for each call, cost more than the calls.
// The operations of a batch are one crossing into the library, if all goes well.
// Operations that take long are done at the same time, as many as there are
// sessions.
//
// When a batch is done, its handles are asked, once for each key, whether they
// still mean what was meant. That costs as much as an operation, on some tokens.
const (
	together = cryptoki.MaxBatch      // operations in a batch
	brisk    = 300 * time.Microsecond // what operations may take to be done in batches
	stuck    = 20 * time.Millisecond  // after which a batch, or one, that is under way is waited for by nobody else
	patience = 4096                   // operations that may wait
)

// work is an operation that waits to be done, or is done.
type work struct {
	ctx   context.Context //nolint:containedctx // of the caller that waits for it
	k     *key
	j     job
	done  // what it has come to
	err   error
	asked bool // its handle has been asked
	ended chan struct{}
}

// sameUse reports whether the same is to be asked of the handles of w and o.
func (w *work) sameUse(o *work) bool {
	return w.k == o.k && w.by == o.by && w.j.object == o.j.object && w.j.kind == o.j.kind
}

// queue is the operations that wait, and what is known of those under way.
type queue struct {
	mu      sync.Mutex
	waiting []*work
	workers int           // goroutines that do work
	pace    time.Duration // what an operation takes lately; 0: nobody knows yet
	began   time.Time     // what was begun last, while something is under way
	watched bool          // rescue will look whether one is stuck
}

// enqueue adds w, and reports whether its caller has to work: otherwise somebody
// who does takes it along.
func (q *queue) enqueue(w *work, sessions int, rescue func()) (lead bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= patience {
		return false, fault.New(fault.Unavailable, "too many operations wait for the HSM").Because(fault.Busy).Untried()
	}
	q.waiting = append(q.waiting, w)
	if q.workers < q.useful(sessions) {
		q.workers++
		return true, nil
	}
	if !q.watched {
		q.watched = true
		time.AfterFunc(stuck, rescue)
	}
	return false, nil
}

// useful returns how many may work at the same time. The caller holds q.mu.
func (q *queue) useful(sessions int) int {
	if q.pace > brisk || q.isStuck() {
		return sessions
	}
	return 1
}

func (q *queue) isStuck() bool { return !q.began.IsZero() && time.Since(q.began) > stuck }

// next is take, when all who are about to come have come.
func (q *queue) next(sessions int) []*work {
	for n, last := q.len(), -1; n > last; last, n = n, q.len() {
		runtime.Gosched()
	}
	return q.take(sessions)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// take returns the next batch; none when its caller is not needed any more.
func (q *queue) take(sessions int) []*work {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), together)
	if q.pace > brisk || q.pace == 0 {
		n = min(n, 1)
	}
	if n == 0 || q.workers > q.useful(sessions) {
		if q.workers--; q.workers == 0 {
			q.began = time.Time{}
		}
		return nil
	}
	batch := make([]*work, n)
	copy(batch, q.waiting)
	left := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	return batch
}

// begins notes that an operation, or several at once, begin.
func (q *queue) begins(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.began = now
}

// took notes how long n operations took, that were so many calls with what was
// asked about them.
func (q *queue) took(d time.Duration, n, calls int) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	each := d / time.Duration(calls)
	if q.pace == 0 {
		q.pace = each
	}
	q.pace += (each - q.pace) * time.Duration(min(n, 4)) / 8
}

// run has the token do j with a handle of k. The output is the caller's, and
// confirmed to be k's.
func (t *Token) run(ctx context.Context, k *key, j job) ([]byte, error) {
	w := &work{ctx: ctx, k: k, j: j, ended: make(chan struct{})}
	lead, err := t.queue.enqueue(w, cap(t.free), t.rescue)
	switch {
	case err != nil:
		return nil, err
	case lead && ctx.Done() == nil:
		t.work(t.queue.next(cap(t.free))) //nolint:contextcheck // each operation has its caller's
	case lead:
		go t.work(t.queue.next(cap(t.free))) //nolint:contextcheck // others wait for it when this caller has gone
	}
	select {
	case <-w.ended:
		return w.out, w.err
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// work does a batch, and leaves the next one to another goroutine: who has led
// wants its answer, too.
func (t *Token) work(batch []*work) {
	if batch == nil { // somebody has been quicker
		return
	}
	t.batch(batch)
	if next := t.queue.next(cap(t.free)); next != nil {
		go t.work(next)
	}
}

// rescue has somebody else go on when an operation is stuck, and looks again as
// long as any wait.
func (t *Token) rescue() {
	q := &t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.watched = len(q.waiting) > 0; !q.watched {
		return
	}
	if q.workers < q.useful(cap(t.free)) {
		q.workers++
		go func() { t.work(q.next(cap(t.free))) }()
	}
	time.AfterFunc(stuck, t.rescue)
}

// batch does operations, and asks for what was done with which key.
func (t *Token) batch(all []*work) {
	for left := all; len(left) > 0; {
		t.queue.begins(time.Now())
		if len(left) > 1 {
			left = t.atOnce(left)
		}
		if len(left) > 0 {
			t.alone(left[0])
			left = left[1:]
		}
	}
	t.queue.begins(time.Now())
	if t.m.opts.Recheck != RecheckNever {
		t.confirm(all)
	}
	for _, w := range all {
		close(w.ended)
	}
}

// alone does one operation.
func (t *Token) alone(w *work) {
	if w.err = ended(w.ctx); w.err != nil {
		w.err = untried(w.err)
		return
	}
	begun := time.Now()
	t.queue.begins(begun)
	w.done, w.err = t.runOnce(context.WithoutCancel(w.ctx), w.k, w.j)
	t.queue.took(time.Since(begun), 1, 1)
}

// confirm takes the results back of which it is not known that they are the key's.
func (t *Token) confirm(all []*work) {
	for i, w := range all {
		if w.err != nil || w.asked {
			continue
		}
		err := t.ask(w)
		for _, o := range all[i:] {
			if o.err == nil && !o.asked && o.sameUse(w) {
				o.asked = true
				if err != nil {
					clear(o.out)
					o.out, o.err = nil, err
				}
			}
		}
	}
}

// ask makes sure that w was done with the key that was meant: errMoved says that
// it was not.
func (t *Token) ask(w *work) error {
	_, err := again(context.WithoutCancel(w.ctx), t, quick, func(s *session) (struct{}, error) {
		if w.k.gen != t.handles.generation() {
			return struct{}{}, errMoved
		}
		return struct{}{}, t.recheck(s, w.k, w.j, w.by)
	})
	return err
}
