package hmgclient

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

// unreached returns the error for a connection that could not be made.
func unreached(err error) error {
	return because(err, []cause{
		{isDNS, fault.Unreachable, "the gateway's name cannot be resolved"},
		{isTimeout, fault.TimedOut, "the gateway does not answer"},
		{is(syscall.ECONNREFUSED), fault.Refused, "the gateway refuses connections at this address and port"},
		{is(syscall.ECONNRESET, syscall.ECONNABORTED), fault.Refused, "the gateway closed the connection"},
		{always, fault.Unreachable, "the gateway cannot be reached"},
	})
}

// unsecured returns the error for a connection on which TLS or the exchange of
// Hellos failed.
func unsecured(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f // the gateway, or the check of its Hello, said why
	}
	return because(err, []cause{
		{isFrame, fault.Incompatible, "what answers at the address is not a gateway"},
		{isAlert, fault.TLSRefused, "the gateway refuses TLS with this client: does it want a client certificate, or another one?"},
		{isTimeout, fault.TimedOut, "the gateway does not answer"},
		{is(io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed), fault.Refused, "the gateway closed the connection"},
		{isUnknownCA, fault.TLSRefused, "the gateway's certificate is not trusted: its CA is not one of those that the connection trusts"},
		{isExpired, fault.TLSRefused, "the gateway's certificate has expired, or is not valid yet"},
		{isOtherHost, fault.TLSRefused, "the gateway's certificate is for another host"},
		{always, fault.TLSRefused, "the gateway's certificate is not trusted, or it does not speak TLS"},
	})
}

// A cause pairs what an error is with what it means.
type cause struct {
	matches func(error) bool
	reason  fault.Reason
	message string
}

// because returns what the first matching cause says of err.
func because(err error, causes []cause) error {
	for _, c := range causes {
		if c.matches(err) {
			return fault.Wrap(fault.Unavailable, err, "%s", c.message).Because(c.reason)
		}
	}
	return fault.Wrap(fault.Unavailable, err, "the gateway cannot be reached")
}

func always(error) bool { return true }

func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
}

func isDNS(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d)
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, syscall.ETIMEDOUT)
}

func isUnknownCA(err error) bool {
	var u x509.UnknownAuthorityError
	return errors.As(err, &u)
}

func isExpired(err error) bool {
	var i x509.CertificateInvalidError
	return errors.As(err, &i) && i.Reason == x509.Expired
}

func isOtherHost(err error) bool {
	var h x509.HostnameError
	return errors.As(err, &h)
}

func isFrame(err error) bool {
	var f hmgwire.ErrFrame
	return errors.As(err, &f)
}

// isAlert reports whether err is a TLS alert that the other side sent: the one
// way in which package tls tells it for connections.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// ended returns the error for a request whose context ended.
func ended(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, context.Cause(ctx), "the gateway did not answer in time").Because(fault.TimedOut)
}

// untried returns err as that of a call that did nothing.
func untried(err error) error {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Untried()
	}
	return err
}

// turnedAway gives the reason to the error of a connection that was closed while
// the slot was opened over it: whoever listens there does not serve.
func turnedAway(err error) error {
	if !errors.Is(err, errLost) || fault.ReasonOf(err) != fault.Unspecified {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "%s", fault.Message(err)).Because(fault.Refused)
}

func errBroken(cause error) error {
	return fault.Wrap(fault.Unavailable, errors.Join(errLost, cause), "the connection to the gateway broke")
}

func errClosed() error { return fault.New(fault.Unavailable, "the connection to the token is closed") }

// The causes of errors for requests that provably did nothing.
var (
	errNotSent = errors.New("not sent")
	errReopen  = errors.New("slot to be opened again")
)

// errLost is in the errors of requests whose connection broke under them: they
// may have been done or not.
var errLost = errors.New("connection lost")
