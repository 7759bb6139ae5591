package restapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/core/fault"
)

// register adds e to the routes and to the description.
func register[B, R any](s *server, e endpoint[B, R]) {
	_, noReply := any(*new(R)).(none)
	_, noBody := any(*new(B)).(none)
	if e.Status == 0 {
		e.Status = http.StatusOK
		if noReply {
			e.Status = http.StatusNoContent
		}
	}
	if e.MaxBody == 0 {
		e.MaxBody = s.bodyLimit(e.Path, e.Open)
	}
	if e.Decode == nil {
		e.Decode = decodeJSON[B]
	}
	if e.Encode == nil {
		e.Encode = encodeJSON[R]
	}
	describe(s.doc, e)
	s.mux.HandleFunc(e.Method+" "+e.Path, func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(w)
		x.quiet = e.Quiet
		reply, err := run(s, e, noBody, w, r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if noReply {
			w.WriteHeader(e.Status)
			return
		}
		s.reply(w, r, e.Status, func(dst []byte) ([]byte, error) { return e.Encode(dst, reply) })
	})
}

// bodyLimit is how large a body may be: what anybody may send is small, what
// manages things is moderate (decoded it takes many times its size), and data
// and keys get the configured limit.
func (s *server) bodyLimit(path string, open bool) int64 {
	switch {
	case open:
		return min(16<<10, s.cfg.MaxBody)
	case strings.HasPrefix(path, "/sys/"), strings.HasPrefix(path, "/gatehouse/"):
		return min(256<<10, s.cfg.MaxBody)
	default:
		return s.cfg.MaxBody
	}
}

// run takes a request to its use case.
func run[B, R any](s *server, e endpoint[B, R], noBody bool, w http.ResponseWriter, r *http.Request) (reply R, err error) {
	ctx := r.Context()
	c := &call[B]{request: request{http: r, exchange: exchangeOf(w)}}
	if !e.Open {
		if c.Caller, c.Token, err = s.identify(ctx, r); err != nil {
			return reply, err
		}
		c.exchange.caller = c.Caller.Principal
	}
	if !noBody {
		err = s.withBody(w, r, e.MaxBody, func(body []byte) error {
			if len(bytes.TrimSpace(body)) > 0 {
				return e.Decode(body, &c.Body)
			}
			if e.Optional {
				return nil
			}
			return fault.New(fault.Invalid, "request body is missing")
		})
		if err != nil {
			return reply, err
		}
	}
	if e.Slow {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a recorder in tests has none
	}
	return e.Do(ctx, c)
}

// reply writes a JSON reply.
func (s *server) reply(w http.ResponseWriter, r *http.Request, status int, encode func([]byte) ([]byte, error)) {
	buffer, ok := buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer giveBack(buffer)
	body, err := encode((*buffer)[:0])
	*buffer = body
	if err != nil {
		s.refuse(w, r, fault.Wrap(fault.Internal, err, "encoding a reply"))
		return
	}
	h := w.Header()
	h["Content-Type"] = jsonContent
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(w).SetWriteDeadline(s.cfg.Now().Add(s.cfg.ReplyTimeout)) // as above
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no reply
}

var jsonContent = []string{"application/json"}

func encodeJSON[R any](dst []byte, reply R) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(reply)
	return b.Bytes(), err
}

// refuse answers with err as plain text, and leaves its cause to the access log.
func (s *server) refuse(w http.ResponseWriter, _ *http.Request, err error) {
	x := exchangeOf(w)
	status, text := answerFor(err, x.correlation)
	x.err = err
	h := w.Header()
	advise(h, status, err)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // as above
}
