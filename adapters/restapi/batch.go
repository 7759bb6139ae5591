package restapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// Limits of a batch.
const (
	maxBatch     = 1024    // items
	maxBatchBody = 8 << 20 // bytes
	batchAtOnce  = 16      // items under way at once, so that an HSM's answers are not waited for one by one
)

// keyBeside takes an item of a batch of encryptions or decryptions apart.
func keyBeside[B any](item *dsmwire.BatchItem[B]) (*dsmwire.SobjectDescriptor, *B) {
	return &dsmwire.SobjectDescriptor{KID: item.KID}, &item.Request
}

// keyWithin is the same for the plain requests in a batch of signatures.
func keyWithin[B any](key func(*B) *dsmwire.SobjectDescriptor) func(*B) (*dsmwire.SobjectDescriptor, *B) {
	return func(body *B) (*dsmwire.SobjectDescriptor, *B) { return key(body), body }
}

// registerBatch adds the batch of calls u. An item that fails leaves the others alone.
func registerBatch[I, B, R any](s *server, u use[B, R], name string, part func(*I) (*dsmwire.SobjectDescriptor, *B)) {
	one := func(ctx context.Context, c *call[[]I], item *I) dsmwire.BatchResult[R] {
		key, body := part(item)
		d, err := descriptor(key)
		if err == nil {
			var reply R
			if reply, err = u.do(ctx, s, c.Caller, d, body); err == nil {
				return dsmwire.BatchResult[R]{Status: http.StatusOK, Body: &reply}
			}
		}
		status, text := s.itemRefused(ctx, &c.request, err)
		return dsmwire.BatchResult[R]{Status: status, Error: text}
	}
	register(s, endpoint[[]I, []dsmwire.BatchResult[R]]{
		ID: "Batch" + u.id, Method: http.MethodPost, Path: "/crypto/v1/keys/batch/" + name, Tag: tagCrypto,
		Summary: u.summary + ", several in one request", Quiet: true, MaxBody: maxBatchBody,
		Do: func(ctx context.Context, c *call[[]I]) ([]dsmwire.BatchResult[R], error) {
			if len(c.Body) == 0 || len(c.Body) > maxBatch {
				return nil, fault.New(fault.Invalid, "a batch holds 1 to %d items", maxBatch)
			}
			results := make([]dsmwire.BatchResult[R], len(c.Body))
			inParallel(len(c.Body), batchAtOnce, func(i int) { results[i] = one(ctx, c, &c.Body[i]) })
			return results, nil
		},
	})
}

// itemRefused returns the status and the text of one item's refusal. What is
// the service's own fault is logged, because the batch as a whole succeeds.
func (s *server) itemRefused(ctx context.Context, r *request, err error) (status int, text string) {
	status, text = answerFor(err, r.exchange.correlation)
	level := slog.LevelDebug
	switch status {
	case http.StatusInternalServerError:
		level = slog.LevelError
	case http.StatusServiceUnavailable:
		level = slog.LevelWarn
	}
	if level > slog.LevelDebug {
		s.cfg.Log.LogAttrs(ctx, level, "item of a batch failed",
			slog.String("id", r.exchange.correlation), slog.Int("status", status), slog.String("error", err.Error()))
	}
	return status, text
}

// inParallel calls do for 0 to n-1, at most atOnce at a time, and returns when
// all have returned. A panic in one of them is raised again here, where the
// request's own recovery is.
func inParallel(n, atOnce int, do func(int)) {
	var next atomic.Int64
	var panicked atomic.Pointer[any]
	var workers sync.WaitGroup
	for range min(n, atOnce) {
		workers.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panicked.Store(&p)
				}
			}()
			for at := next.Add(1) - 1; at < int64(n) && panicked.Load() == nil; at = next.Add(1) - 1 {
				do(int(at))
			}
		})
	}
	workers.Wait()
	if p := panicked.Load(); p != nil {
		panic(*p)
	}
}
