package sqlstore

import (
	"context"
	"slices"
	"sync"

	"gatehouse/core/audit"
)

// batch bounds how many audit records share a transaction, so that other
// writers are not kept waiting.
const batch = 1024

// appender writes the audit log. One goroutine takes all records that wait and
// appends them in one transaction; what comes meanwhile waits for the next. So
// a caller that is alone is served at once, and many share the cost of making
// their records durable. The goroutine takes its turn among the other writers.
type appender struct {
	store *Store
	wake  chan struct{} // holds one signal that something waits
	done  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting []*appending
	stopped bool

	// The goroutine's own: the end of the chain, unless known is false.
	head  audit.Head
	known bool
}

// appending is a call that waits.
type appending struct {
	records []audit.Record
	result  chan error // has room for it
}

func newAppender(s *Store) *appender {
	a := &appender{store: s, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go a.run()
	return a
}

// append waits until the records are durable.
func (a *appender) append(ctx context.Context, records []audit.Record) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	call := &appending{records: slices.Clone(records), result: make(chan error, 1)}
	a.mu.Lock()
	if a.stopped {
		a.mu.Unlock()
		return errClosed()
	}
	a.waiting = append(a.waiting, call)
	a.mu.Unlock()
	a.signal()
	select {
	case err := <-call.result:
		return err
	case <-ctx.Done():
		a.withdraw(call)
		return ended(ctx.Err())
	}
}

func (a *appender) signal() {
	select {
	case a.wake <- struct{}{}:
	default: // a signal is there already
	}
}

// withdraw takes a call back, unless it is being written already.
func (a *appender) withdraw(call *appending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.waiting, call); i >= 0 {
		a.waiting = slices.Delete(a.waiting, i, i+1)
	}
}

// take returns the calls to serve next, and whether there will be any more.
func (a *appender) take() (calls []*appending, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, size := 0, 0
	for n < len(a.waiting) && (n == 0 || size+len(a.waiting[n].records) <= batch) {
		size += len(a.waiting[n].records)
		n++
	}
	calls = a.waiting[:n:n]
	a.waiting = a.waiting[n:]
	return calls, len(a.waiting) > 0 || !a.stopped
}

func (a *appender) run() {
	defer close(a.done)
	for more := true; more; {
		var calls []*appending
		if calls, more = a.take(); len(calls) > 0 {
			err := a.write(calls)
			for _, c := range calls {
				c.result <- err
			}
		} else if more {
			<-a.wake
		}
	}
}

// write appends the records of all calls in one transaction.
func (a *appender) write(calls []*appending) error {
	// Those who wait may give up, each by itself: what they share is not cut
	// short by one of them.
	ctx := context.Background()
	var head audit.Head
	err := a.store.write(ctx, func(c conn) error {
		var err error
		if head = a.head; !a.known {
			if head, err = c.auditHead(ctx); err != nil {
				return err
			}
		}
		var linked []audit.Record
		for _, call := range calls {
			for _, r := range call.records {
				r = audit.Link(r, head.Seq+1, head.Hash)
				head = audit.Head{Seq: r.Seq, Hash: r.Hash}
				linked = append(linked, r)
			}
		}
		if err := c.insertRecords(ctx, linked); err != nil {
			return err
		}
		return c.moveAuditHead(ctx, head)
	})
	// After an error the end is read again: the commit may have been the one
	// thing that worked.
	a.head, a.known = head, err == nil
	return err
}

// stop serves who waits, refuses who comes, and returns when all is written.
func (a *appender) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.signal()
	<-a.done
}
