package restapi

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"gatehouse/core/fault"
)

// statuses is the one table from kinds of errors to HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Denied:          http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.BadState:        http.StatusConflict,
	fault.Unsupported:     http.StatusNotImplemented,
	fault.Exhausted:       http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Internal:        http.StatusInternalServerError,
}

// refusal is a refusal that only HTTP knows: its size, its content type.
type refusal struct {
	status int
	text   string
}

// Error returns the text, which is safe for the caller.
func (r refusal) Error() string { return r.text }

// answerFor returns the status and the text that a client gets for err. The
// text of an internal error tells nothing but the correlation id.
func answerFor(err error, correlation string) (status int, text string) {
	var r refusal
	if errors.As(err, &r) {
		return r.status, r.text
	}
	status, text = statuses[fault.KindOf(err)], fault.Message(err)
	if status == 0 || status == http.StatusInternalServerError {
		return http.StatusInternalServerError, "internal error; the service's log tells more under " + correlation
	}
	if text == "" { // a bare kind
		text = string(fault.KindOf(err))
	}
	return status, text
}

// outOfReach is when to try again what is out of reach, and nobody knows for
// how long.
const outOfReach = 5 * time.Second

// seconds returns d in whole seconds, at least one (RFC 9110, 10.2.3).
func seconds(d time.Duration) int { return max(int((d+time.Second-1)/time.Second), 1) }

// advise adds the headers that tell a client how to go on.
func advise(h http.Header, status int, err error) {
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="gatehouse", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	case http.StatusServiceUnavailable:
		if !fault.ReasonOf(err).Credential() { // nothing mends a PIN but an administrator
			h.Set("Retry-After", strconv.Itoa(seconds(cmp.Or(fault.AfterOf(err), outOfReach))))
		}
	}
}
