package restapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// maxBatchDepth is how deep lists of a batch may lie in each other.
const maxBatchDepth = 4

// batchAny registers the batch of any calls. Each item is a request of its own
// to the same handler: authorised, done and recorded as if it had come alone.
func (s *server) batchAny() {
	register(s, endpoint[dsmwire.BatchRequest, dsmwire.BatchResponse]{
		ID: "Batch", Method: http.MethodPost, Path: "/batch/v1", Tag: tagCrypto,
		Summary: "Make several calls in one request", MaxBody: maxBatchBody, Slow: true,
		Do: func(ctx context.Context, c *call[dsmwire.BatchRequest]) (dsmwire.BatchResponse, error) {
			n, err := countBatch(&c.Body, 1)
			if err == nil && (n == 0 || n > maxBatch) {
				err = fault.New(fault.Invalid, "a batch holds 1 to %d items", maxBatch)
			}
			if err != nil {
				return dsmwire.BatchResponse{}, err
			}
			reply, _ := s.batch(ctx, &c.request, &c.Body)
			return reply, nil
		},
	})
}

// countBatch counts the calls of a batch, and refuses one that is malformed.
func countBatch(b *dsmwire.BatchRequest, depth int) (int, error) {
	switch {
	case (b.Batch == nil) == (b.SingleItem == nil):
		return 0, fault.New(fault.Invalid, "an item is exactly one of Batch and SingleItem")
	case b.SingleItem != nil:
		return 1, nil
	case depth > maxBatchDepth:
		return 0, fault.New(fault.Invalid, "batches lie more than %d deep in each other", maxBatchDepth)
	case b.Batch.ExecutionType != dsmwire.Serial && b.Batch.ExecutionType != dsmwire.Unordered:
		return 0, fault.New(fault.Invalid, "batch_execution_type must be Serial or Unordered")
	}
	total := 0
	for i := range b.Batch.Items {
		n, err := countBatch(&b.Batch.Items[i], depth+1)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// batch makes the calls of a batch, and reports whether all succeeded.
func (s *server) batch(ctx context.Context, r *request, b *dsmwire.BatchRequest) (dsmwire.BatchResponse, bool) {
	if b.SingleItem != nil {
		result := s.batchItem(ctx, r, b.SingleItem)
		return dsmwire.BatchResponse{SingleItem: &dsmwire.BatchResponseObject{Result: &result}}, result.Status < http.StatusBadRequest
	}
	items := b.Batch.Items
	replies, good := make([]dsmwire.BatchResponse, len(items)), make([]bool, len(items))
	one := func(i int) { replies[i], good[i] = s.batch(ctx, r, &items[i]) }
	if b.Batch.ExecutionType == dsmwire.Unordered {
		inParallel(len(items), batchAtOnce, one)
	} else {
		for i := range items {
			if one(i); !good[i] {
				for j := i + 1; j < len(items); j++ {
					replies[j] = skipped(&items[j])
				}
				break
			}
		}
	}
	return dsmwire.BatchResponse{Batch: &dsmwire.BatchResponseList{Items: replies}}, !slices.Contains(good, false)
}

// skipped answers what comes after a failed item, in the shape of the request.
func skipped(b *dsmwire.BatchRequest) dsmwire.BatchResponse {
	if b.SingleItem != nil {
		return dsmwire.BatchResponse{SingleItem: &dsmwire.BatchResponseObject{Skipped: &dsmwire.BatchSkipped{Reason: "an earlier item failed"}}}
	}
	replies := make([]dsmwire.BatchResponse, len(b.Batch.Items))
	for i := range replies {
		replies[i] = skipped(&b.Batch.Items[i])
	}
	return dsmwire.BatchResponse{Batch: &dsmwire.BatchResponseList{Items: replies}}
}

// batchItem makes one call.
func (s *server) batchItem(ctx context.Context, r *request, item *dsmwire.BatchRequestItem) dsmwire.BatchResultObject {
	inner, err := innerRequest(ctx, r, item)
	if err != nil {
		status, text := answerFor(err, r.exchange.correlation)
		return itemResult(status, false, []byte(text))
	}
	answer := &kept{header: http.Header{}}
	x := &exchange{ResponseWriter: answer, correlation: r.exchange.correlation}
	s.mux.ServeHTTP(x, inner)
	if x.err != nil && x.status >= http.StatusInternalServerError {
		_, _ = s.itemRefused(ctx, r, x.err) // logs it
	}
	return itemResult(answer.status, strings.HasPrefix(answer.header.Get("Content-Type"), "application/json"), answer.body.Bytes())
}

// innerRequest is the request that an item would have been alone.
func innerRequest(ctx context.Context, r *request, item *dsmwire.BatchRequestItem) (*http.Request, error) {
	switch item.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return nil, fault.New(fault.Invalid, "method is not one that the API has")
	}
	u, err := url.Parse("/" + strings.Trim(item.Operation, "/"))
	if err != nil || u.Scheme != "" || u.Host != "" || path.Clean(u.Path) != u.Path {
		return nil, fault.New(fault.Invalid, "operation is not a path of the API")
	}
	if !strings.HasPrefix(u.Path, "/crypto/v1/") && !strings.HasPrefix(u.Path, "/sys/v1/") || strings.HasPrefix(u.Path, "/sys/v1/session/") {
		return nil, fault.New(fault.Invalid, "operation is not one that a batch can hold")
	}
	var body []byte
	if string(item.Body) != "null" {
		body = item.Body
	}
	inner, err := http.NewRequestWithContext(ctx, item.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "operation is not a path of the API")
	}
	inner.Header.Set("Authorization", r.http.Header.Get("Authorization"))
	inner.Header.Set("Content-Type", "application/json")
	inner.RemoteAddr, inner.TLS, inner.Host = r.http.RemoteAddr, r.http.TLS, r.http.Host
	return inner, nil
}

// itemResult is an item's answer: JSON as it is, a text as a JSON string.
func itemResult(status int, isJSON bool, body []byte) dsmwire.BatchResultObject {
	result := dsmwire.BatchResultObject{Status: status}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
	case isJSON && json.Valid(body):
		result.Body = body
	default:
		result.Body, _ = json.Marshal(string(body)) // of a string there is always one
	}
	return result
}

// kept is the answer to one item.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns the answer's header.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader notes the status.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

// Write notes the body.
func (k *kept) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(b)
}
