package dsmtoken

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/adapters/dsmclient"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// doing is what a refusal is about, where that makes a difference to what the
// same status means.
type doing int

const (
	asking     doing = iota + 1 // a look at keys, or at the service
	making                      // a new key
	using                       // a key
	opening                     // a ciphertext
	unwrapping                  // a wrapped key
	changing                    // a key's name or permissions, or its end
	loggingIn
)

// meaning is what a refusal means here.
type meaning struct {
	kind    fault.Kind
	reason  fault.Reason
	message string
}

// answer is what the service answered: its status, and its words where the API
// fixes them.
type answer struct {
	doing  doing
	status int
	text   string
}

// meanings is the one map from the other service's refusals. An answer is
// looked for with all that it is, then without its words, then without what was
// being done.
var meanings = map[answer]meaning{
	{status: http.StatusBadRequest}:            {kind: fault.Invalid, message: "the other service refuses the request"},
	{status: http.StatusUnauthorized}:          {kind: fault.Unavailable, reason: fault.TokenFailed, message: "the other service does not accept its own session"},
	{status: http.StatusForbidden}:             {kind: fault.Denied, message: "the other service does not permit this to its app, or to the key"},
	{status: http.StatusNotFound}:              {kind: fault.NotFound, message: "the key does not exist in the other service"},
	{status: http.StatusMethodNotAllowed}:      {kind: fault.Unsupported, message: "the other service does not support this"},
	{status: http.StatusConflict}:              {kind: fault.Conflict, message: "the other service has another key in its place"},
	{status: http.StatusRequestEntityTooLarge}: {kind: fault.Invalid, message: "the request is longer than the other service takes"},
	{status: http.StatusUnsupportedMediaType}:  {kind: fault.Invalid, message: "the other service refuses the request"},
	{status: http.StatusLocked}:                {kind: fault.BadState, message: "the state of the key in the other service forbids this"},
	{status: http.StatusTooManyRequests}:       {kind: fault.Unavailable, reason: fault.Busy, message: "the other service has too much to do"},
	{status: http.StatusInternalServerError}:   {kind: fault.Unavailable, reason: fault.TokenFailed, message: "the other service reports a failure"},
	{status: http.StatusNotImplemented}:        {kind: fault.Unsupported, message: "the other service does not support this"},
	{status: http.StatusBadGateway}:            {kind: fault.Unavailable, reason: fault.TokenFailed, message: "the other service is not behind its proxy"},
	{status: http.StatusServiceUnavailable}:    {kind: fault.Unavailable, reason: fault.TokenFailed, message: "the other service cannot do it now"},
	{status: http.StatusGatewayTimeout}:        {kind: fault.Unavailable, reason: fault.TimedOut, message: "the other service does not answer its proxy"},

	{making, http.StatusConflict, ""}:                        {kind: fault.Conflict, message: "the other service has a key of this name already"},
	{making, http.StatusConflict, "sobject already exists"}:  {kind: fault.Conflict, message: "the other service has a key of this name already"},
	{making, http.StatusNotFound, ""}:                        {kind: fault.Denied, message: "the app has no default group in the other service, or may not use it"},
	{unwrapping, http.StatusConflict, ""}:                    {kind: fault.Conflict, message: "the other service has a key of this name already"},
	{changing, http.StatusConflict, ""}:                      {kind: fault.Conflict, message: "the other service has a key of this name already, or the state of the key forbids this"},
	{using, http.StatusConflict, ""}:                         {kind: fault.BadState, message: "the state of the key in the other service forbids this"},
	{opening, http.StatusConflict, ""}:                       {kind: fault.BadState, message: "the state of the key in the other service forbids this"},
	{asking, http.StatusNotFound, ""}:                        {kind: fault.Unavailable, reason: fault.Incompatible, message: "what answers at the address is no such service"},
	{asking, http.StatusNotFound, "sobject does not exist"}:  {kind: fault.NotFound, message: "the key does not exist in the other service"},
	{asking, http.StatusMethodNotAllowed, ""}:                {kind: fault.Unavailable, reason: fault.Incompatible, message: "what answers at the address is no such service"},
	{asking, http.StatusForbidden, ""}:                       {kind: fault.Unavailable, reason: fault.TokenFailed, message: "the app may not list keys of the other service"},
	{loggingIn, http.StatusBadRequest, ""}:                   {kind: fault.Unavailable, reason: fault.PINIncorrect, message: "the other service refuses the API key"},
	{loggingIn, http.StatusUnauthorized, ""}:                 {kind: fault.Unavailable, reason: fault.PINIncorrect, message: "the other service refuses the API key"},
	{loggingIn, http.StatusForbidden, ""}:                    {kind: fault.Unavailable, reason: fault.PINIncorrect, message: "the other service refuses the API key"},
	{loggingIn, http.StatusLocked, ""}:                       {kind: fault.Unavailable, reason: fault.PINLocked, message: "the other service has locked the app"},
	{loggingIn, http.StatusNotFound, ""}:                     {kind: fault.Unavailable, reason: fault.Incompatible, message: "what answers at the address is no such service"},
	{loggingIn, http.StatusMethodNotAllowed, ""}:             {kind: fault.Unavailable, reason: fault.Incompatible, message: "what answers at the address is no such service"},
	{loggingIn, http.StatusNotImplemented, ""}:               {kind: fault.Unavailable, reason: fault.Incompatible, message: "the other service asks for a second factor, which an app has not"},
	{status: http.StatusForbidden, text: approvalIsRequired}: {kind: fault.Denied, message: "the other service wants the approval of a quorum for this"},
}

// approvalIsRequired is an answer on whose words clients depend.
const approvalIsRequired = "This operation requires approval"

// stranger is what any other status means.
var stranger = meaning{kind: fault.Unavailable, reason: fault.Incompatible, message: "what answers at the address is no such service"}

func meaningOf(a answer) meaning {
	for _, look := range []answer{a, {status: a.status, text: a.text}, {doing: a.doing, status: a.status}, {status: a.status}} {
		if m, ok := meanings[look]; ok {
			return m
		}
	}
	return stranger
}

// translate makes an error of token.Token's of one of dsmclient's.
func translate(ctx context.Context, d doing, err error) error {
	if err == nil {
		return nil
	}
	var login *dsmclient.LoginError
	if errors.As(err, &login) {
		d = loggingIn
	}
	var refused *dsmclient.Error
	if !errors.As(err, &refused) {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		var f *fault.Error
		switch {
		case !errors.As(err, &f), d == loggingIn && errors.Is(err, fault.Unsupported):
			return fault.Wrap(fault.Unavailable, err, "%s", stranger.message).Because(stranger.reason)
		default:
			return f // it was not reached, or its answer makes no sense
		}
	}
	m := meaningOf(answer{d, refused.Status, refused.Message})
	if (d == opening || d == unwrapping) && m.kind == fault.Invalid {
		return operations.DecryptRefused(err)
	}
	e := fault.Wrap(m.kind, err, "%s", m.message+mention(refused.RequestID)).Because(m.reason)
	if m.reason == fault.Busy || d == loggingIn {
		return e.Untried()
	}
	return e
}

// mention tells by what id the other service's log knows a request.
func mention(request string) string {
	if request == "" || len(request) > 64 {
		return ""
	}
	for _, c := range []byte(request) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return ""
		}
	}
	return " (its log tells more under " + request + ")"
}
