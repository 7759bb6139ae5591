package dsmclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"gatehouse/core/fault"
)

// Error is a refusal by the service. errors.Is tells its kind.
type Error struct {
	Status    int
	Message   string // the service's words
	RequestID string // what its log knows the request by, if it says
}

// Error returns the status and the service's words.
func (e *Error) Error() string {
	return "service answered " + strconv.Itoa(e.Status) + ": " + e.Message
}

// Unwrap returns the refusal as the kind of error that the status stands for.
func (e *Error) Unwrap() error { return fault.New(kindOf(e.Status), "%s", e.Message) }

// kinds is the one table from statuses to kinds. A 409 may be BadState too: the
// API does not tell them apart.
var kinds = map[int]fault.Kind{
	http.StatusBadRequest:            fault.Invalid,
	http.StatusRequestEntityTooLarge: fault.Invalid,
	http.StatusUnsupportedMediaType:  fault.Invalid,
	http.StatusUnauthorized:          fault.Unauthenticated,
	http.StatusForbidden:             fault.Denied,
	http.StatusNotFound:              fault.NotFound,
	http.StatusConflict:              fault.Conflict,
	http.StatusLocked:                fault.BadState,
	http.StatusNotImplemented:        fault.Unsupported,
	http.StatusMethodNotAllowed:      fault.Unsupported,
	http.StatusTooManyRequests:       fault.Exhausted,
	http.StatusBadGateway:            fault.Unavailable,
	http.StatusServiceUnavailable:    fault.Unavailable,
	http.StatusGatewayTimeout:        fault.Unavailable,
}

func kindOf(status int) fault.Kind {
	if k, ok := kinds[status]; ok {
		return k
	}
	return fault.Internal
}

// unreachable makes an error of a call that got no answer. It is Unavailable,
// with the reason where one is known; the cause keeps a context's own error.
func unreachable(err error) error {
	e := fault.Wrap(fault.Unavailable, err, "the service cannot be reached")
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verification *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return e.Because(fault.Refused)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid),
		errors.As(err, &record), errors.As(err, &alert):
		return e.Because(fault.TLSRefused)
	case errors.As(err, &dns), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return e.Because(fault.Unreachable)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return e.Because(fault.TimedOut)
	default:
		return e
	}
}
