package restapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/core/fault"
)

// smallBody is the size up to which bodies do not count against Config.MaxBodies.
const smallBody = 64 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// giveBack wipes a buffer, which may have held secrets, and keeps it for the
// next request unless it grew large.
func giveBack(b *[]byte) {
	clear(*b)
	*b = (*b)[:0]
	if cap(*b) <= smallBody {
		buffers.Put(b)
	}
}

// withBody reads the body, hands it to use, and wipes it.
func (s *server) withBody(w http.ResponseWriter, r *http.Request, limit int64, use func([]byte) error) error {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return tooLarge(limit)
	}
	if r.ContentLength != 0 {
		if err := checkContentType(r.Header); err != nil {
			return err
		}
	}

	buffer, ok := buffers.Get().(*[]byte)
	if !ok {
		return fault.New(fault.Internal, "pool of buffers holds something else")
	}
	defer giveBack(buffer)
	var counted int64
	defer func() { s.bodies.Add(-counted) }()
	body := *buffer
	for {
		if len(body) == cap(body) {
			if int64(len(body)) > limit {
				return tooLarge(limit)
			}
			grow := int64(cap(body))
			if total := grow * 2; total > smallBody {
				counted += grow
				if s.bodies.Add(grow) > s.cfg.MaxBodies {
					return fault.New(fault.Unavailable, "too many large requests at once")
				}
			}
			larger := make([]byte, len(body), 2*cap(body))
			copy(larger, body)
			clear(body)
			body = larger
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		*buffer = body
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "request body ended early or came too slowly")
		}
	}
	if int64(len(body)) > limit {
		return tooLarge(limit)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // guard set it; a recorder in tests has none
	return use(body)
}

func tooLarge(limit int64) error {
	return refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("request body is larger than the %d bytes that this call takes", limit)}
}

// checkContentType lets JSON through, and bodies that do not tell what they are.
func checkContentType(h http.Header) error {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return refusal{http.StatusUnsupportedMediaType, "request bodies must not be compressed"}
	}
	given := h.Get("Content-Type")
	if given == "" || given == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(given)
	if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return refusal{http.StatusUnsupportedMediaType, "request bodies must be application/json"}
	}
	return nil
}

// decodeJSON reads a body. Its refusals name a field at most, never a value.
func decodeJSON[B any](body []byte, b *B) error {
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "request body is not UTF-8")
	}
	err := json.Unmarshal(body, b)
	if err == nil {
		return nil
	}
	var known *fault.Error
	var kind *json.UnmarshalTypeError
	var binary base64.CorruptInputError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &kind) && kind.Field != "":
		return fault.New(fault.Invalid, "%s in the request body is of the wrong type", fieldOnWire(kind.Field))
	case errors.As(err, &kind):
		return fault.New(fault.Invalid, "request body is of the wrong type")
	case errors.As(err, &binary):
		return fault.New(fault.Invalid, "a binary field in the request body is not standard base64")
	default:
		return fault.New(fault.Invalid, "request body is not valid JSON")
	}
}

// fieldOnWire takes the names of embedded structs, which are not on the wire,
// out of a field's path. No field of the API begins with a capital.
func fieldOnWire(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p != "" && p[0] >= 'A' && p[0] <= 'Z' }), ".")
}
