package hmgwire

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/core/fault"
)

// Refusal tells why a request failed.
type Refusal struct {
	Kind    string `cbor:"1,keyasint"`           // a fault.Kind
	Reason  string `cbor:"2,keyasint,omitempty"` // a fault.Reason
	Message string `cbor:"3,keyasint,omitempty"` // may be shown to the caller
	Detail  string `cbor:"4,keyasint,omitempty"` // for logs: what the token or its library said
	// Reopen is set when nothing was done because the slot must be opened again.
	Reopen bool `cbor:"5,keyasint,omitempty"`
	// Untried is set when nothing was done: the request may be made again, also
	// through another gateway.
	Untried bool `cbor:"6,keyasint,omitempty"`
	// After is when trying again may help, in milliseconds; 0 when the gateway
	// does not say.
	After uint32 `cbor:"7,keyasint,omitempty"`
}

// maxAfter is the longest time that a refusal tells a client to stay away.
const maxAfter = time.Minute

// NewRefusal returns err for the wire. Errors hold no secrets (secrets print as
// placeholders), so neither does the detail.
func NewRefusal(err error) Refusal {
	message := Text(fault.Message(err))
	return Refusal{
		Untried: errors.Is(err, fault.Untried),
		After:   uint32(min(max(fault.AfterOf(err), 0), maxAfter) / time.Millisecond),
		Kind:    string(fault.KindOf(err)), Reason: string(fault.ReasonOf(err)), Message: message,
		Detail: Text(strings.TrimPrefix(strings.TrimPrefix(Text(err.Error()), message), ": ")),
	}
}

// Err returns the error on this side of the wire; a kind that this end does not
// know becomes fault.Internal, a reason fault.Unspecified.
func (r Refusal) Err() error {
	kind := fault.Kind(r.Kind)
	if !slices.Contains(fault.Kinds(), kind) {
		kind = fault.Internal
	}
	message := Text(r.Message)
	if message == "" {
		message = "the gateway reports an internal error"
	}
	err := fault.New(kind, "%s", message)
	if d := Text(r.Detail); d != "" {
		err = fault.Wrap(kind, said(d), "%s", message)
	}
	if r.Untried {
		err = err.Untried()
	}
	if r.After > 0 {
		err = err.After(min(time.Duration(r.After)*time.Millisecond, maxAfter))
	}
	if reason := fault.Reason(r.Reason); slices.Contains(fault.Reasons(), reason) {
		return err.Because(reason)
	}
	return err
}

// said is what the other end says of a cause. It is for logs, and matches nothing.
type said string

// Error returns the text.
func (s said) Error() string { return string(s) }

// Text makes s fit for logs and messages: valid, of one line, not too long.
func Text(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) {
			clean = false
			break
		}
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(s, "?"))
	}
	return clip(s, MaxText)
}

// clip shortens s to n bytes, at the end of a character.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
