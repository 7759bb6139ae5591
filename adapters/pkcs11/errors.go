package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// Return values of PKCS#11 v3 that the binding does not name and that are acted upon by name.
const ckrCurveNotSupported = 0x140

// code returns the return value in err; CKR_OK when there is none.
func code(err error) pkcs11.Error {
	var e pkcs11.Error
	if errors.As(err, &e) {
		return e
	}
	return pkcs11.CKR_OK
}

// meaning returns the row of the return value in err; ok is false when there is none.
func meaning(err error) (v ckr.Value, ok bool) {
	e := code(err)
	if e == pkcs11.CKR_OK {
		return ckr.Value{}, false
	}
	return ckr.Of(uint(e)), true
}

// translate returns err as a fault, as the table says, with what was being done
// in its cause.
func translate(doing string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	cause := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, cause, "the HSM did not answer in time").Because(fault.TimedOut)
	}
	v, ok := meaning(err)
	if !ok {
		return fault.Wrap(fault.Internal, cause, "the HSM refuses for a reason of its own")
	}
	f := fault.Wrap(v.Kind, cause, "%s", v.Message).Because(v.Reason)
	if v.Untried && !begun(err) {
		f = f.Untried()
	}
	return f
}

// atToken makes a failure of the token of an error that no request can be blamed for.
func atToken(err error) error {
	if err == nil || fault.KindOf(err) == fault.Unavailable {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "the HSM reports a failure").Because(fault.TokenFailed)
}

// unexplained makes of a failure to generate or import a key for which the token
// gives no reason, while it does other work well, one that may pass: unlike a wrapped
// key, such a request holds nothing that a token could find wrong. Nothing is to be
// healed for it, for it may as well be a key that this token never makes.
func unexplained(err error) error {
	if v, ok := meaning(err); ok && v.Class == ckr.Unclear && begun(err) && fault.KindOf(err) == fault.Internal {
		return fault.Wrap(fault.Unavailable, err, "the HSM could not make the key and does not say why").Because(fault.Busy)
	}
	return err
}

// noRoom makes fault.Exhausted of what a token says when it has no room for
// another object: no other session would find some.
func noRoom(err error) error {
	if v, ok := meaning(err); ok && !errors.Is(err, fault.Unavailable) && v.Class == ckr.Capacity && v.Code != pkcs11.CKR_SESSION_COUNT && v.Code != pkcs11.CKR_HOST_MEMORY {
		return fault.Wrap(fault.Exhausted, err, "%s", v.Message)
	}
	return err
}

// spoils reports whether the session in which err happened has to be dropped.
func spoils(err error) bool {
	if v, ok := meaning(err); ok {
		return !v.Keeps
	}
	return errors.Is(err, cryptoki.ErrNonsense)
}

// lost reports whether err says that the session, or the login, is gone or of no use.
func lost(err error) bool {
	v, ok := meaning(err)
	return ok && (v.Class == ckr.Session || v.Class == ckr.Login)
}

// unclear reports whether err may mean a broken token, or the caller's mistake,
// or nothing that lasts: the token is asked before it is called broken.
func unclear(err error) bool {
	v, ok := meaning(err)
	if !ok {
		return errors.Is(err, cryptoki.ErrNonsense)
	}
	return v.Health == ckr.Ask && (v.Class == ckr.Unclear || v.Class == ckr.Library)
}

// staleHandle reports whether err says that an object is not there under its handle.
func staleHandle(err error) bool {
	switch code(err) {
	case pkcs11.CKR_KEY_HANDLE_INVALID, pkcs11.CKR_OBJECT_HANDLE_INVALID,
		pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, pkcs11.CKR_UNWRAPPING_KEY_HANDLE_INVALID:
		return true
	}
	return false
}

// blameless makes a failure of the token of an error in a call in which no
// request has a part, such as the opening of a session.
func blameless(doing string, err error) error {
	if blames(err) {
		return untried(atToken(translate(doing, err)))
	}
	return err
}

// blames reports whether err says, or may say, that something is wrong with the request.
func blames(err error) bool {
	v, ok := meaning(err)
	return ok && (v.Class == ckr.Request || v.Class == ckr.Unclear)
}
