package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// Return values of PKCS#11 v3.0 and v3.1 that the binding does not name.
const (
	ckrActionProhibited     = 0x1B
	ckrAEADDecryptFailed    = 0x35
	ckrTokenResourceExceed  = 0x201
	ckrOperationCancelFail  = 0x202
	ckrKeyExhausted         = 0x203
	ckrCurveNotSupported    = 0x140
	ckrPublicKeyInvalid     = 0x1B9
	ckrFunctionRejected     = 0x200
	ckrSessionAsyncUnusable = 0x204 // v3.2
)

// meaning is what a return value says to a user of the port.
type meaning struct {
	kind    fault.Kind
	reason  fault.Reason
	message string
}

// meanings is the one map from return values to faults. What is not in it, and
// GENERAL_ERROR and FUNCTION_FAILED, by which some libraries mean the caller's
// mistake, are Internal, unless the token turns out to answer nothing at all.
var meanings = map[pkcs11.Error]meaning{
	pkcs11.CKR_ARGUMENTS_BAD:              {fault.Unsupported, "", "the HSM refuses the parameters"},
	pkcs11.CKR_ATTRIBUTE_READ_ONLY:        {fault.Denied, "", "the HSM keeps this attribute fixed"},
	pkcs11.CKR_ATTRIBUTE_SENSITIVE:        {fault.Denied, "", "the HSM does not show this attribute"},
	pkcs11.CKR_ATTRIBUTE_TYPE_INVALID:     {fault.Unsupported, "", "the HSM does not know an attribute of such a key"},
	pkcs11.CKR_ATTRIBUTE_VALUE_INVALID:    {fault.Unsupported, "", "the HSM does not take such a key"},
	pkcs11.CKR_DATA_INVALID:               {fault.Invalid, "", "the HSM refuses the input"},
	pkcs11.CKR_DATA_LEN_RANGE:             {fault.Invalid, "", "the input has a length that the key cannot process"},
	pkcs11.CKR_DOMAIN_PARAMS_INVALID:      {fault.Unsupported, "", "the HSM does not know the curve"},
	pkcs11.CKR_ENCRYPTED_DATA_INVALID:     {fault.Invalid, "", "the HSM refuses the input"},
	pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE:   {fault.Invalid, "", "the input has a length that the key cannot process"},
	pkcs11.CKR_FUNCTION_NOT_SUPPORTED:     {fault.Unsupported, "", "the HSM does not do this"},
	pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED: {fault.Denied, "", "the key's attributes in the HSM do not permit this"},
	pkcs11.CKR_KEY_HANDLE_INVALID:         {fault.NotFound, "", "the key is not in the HSM"},
	pkcs11.CKR_KEY_NOT_WRAPPABLE:          {fault.Denied, "", "the key's attributes in the HSM do not permit this"},
	pkcs11.CKR_KEY_SIZE_RANGE:             {fault.Unsupported, "", "the HSM does not do this with keys of this size"},
	pkcs11.CKR_KEY_TYPE_INCONSISTENT:      {fault.Unsupported, "", "the HSM does not do this with keys of this type"},
	pkcs11.CKR_KEY_UNEXTRACTABLE:          {fault.Denied, "", "the key may not leave the HSM"},
	pkcs11.CKR_MECHANISM_INVALID:          {fault.Unsupported, "", "the HSM has no mechanism for this"},
	pkcs11.CKR_MECHANISM_PARAM_INVALID:    {fault.Unsupported, "", "the HSM refuses the parameters"},
	pkcs11.CKR_OBJECT_HANDLE_INVALID:      {fault.NotFound, "", "the key is not in the HSM"},
	pkcs11.CKR_SESSION_READ_ONLY:          {fault.Denied, "", "the HSM is read-only"},
	pkcs11.CKR_SIGNATURE_INVALID:          {fault.Invalid, "", "the signature does not verify"},
	pkcs11.CKR_SIGNATURE_LEN_RANGE:        {fault.Invalid, "", "the signature does not verify"},
	pkcs11.CKR_TEMPLATE_INCOMPLETE:        {fault.Unsupported, "", "the HSM does not take such a key"},
	pkcs11.CKR_TEMPLATE_INCONSISTENT:      {fault.Unsupported, "", "the HSM does not take such a key"},
	pkcs11.CKR_TOKEN_WRITE_PROTECTED:      {fault.Denied, "", "the HSM is read-only"},
	pkcs11.CKR_DEVICE_MEMORY:              {fault.Exhausted, "", "the HSM has no room left"},
	ckrTokenResourceExceed:                {fault.Exhausted, "", "the HSM has no room left"},
	ckrActionProhibited:                   {fault.Denied, "", "the key's attributes in the HSM do not permit this"},
	ckrAEADDecryptFailed:                  {fault.Invalid, "", "the HSM refuses the input"},
	ckrCurveNotSupported:                  {fault.Unsupported, "", "the HSM does not know the curve"},
	ckrPublicKeyInvalid:                   {fault.Invalid, "", "the HSM refuses the public key"},
	ckrFunctionRejected:                   {fault.Denied, "", "the HSM refuses to do this"},
	ckrKeyExhausted:                       {fault.Denied, "", "the key has been used as often as it may be"},

	pkcs11.CKR_PIN_INCORRECT:            {fault.Unavailable, fault.PINIncorrect, "the HSM does not accept the PIN"},
	pkcs11.CKR_PIN_INVALID:              {fault.Unavailable, fault.PINIncorrect, "the HSM does not accept the PIN"},
	pkcs11.CKR_PIN_LEN_RANGE:            {fault.Unavailable, fault.PINIncorrect, "the HSM does not accept the PIN"},
	pkcs11.CKR_PIN_LOCKED:               {fault.Unavailable, fault.PINLocked, "the HSM has locked the PIN"},
	pkcs11.CKR_PIN_EXPIRED:              {fault.Unavailable, fault.PINExpired, "the PIN has to be changed at the HSM"},
	pkcs11.CKR_PIN_TOO_WEAK:             {fault.Unavailable, fault.PINExpired, "the PIN has to be changed at the HSM"},
	pkcs11.CKR_USER_PIN_NOT_INITIALIZED: {fault.Unavailable, fault.PINExpired, "the PIN has not been set at the HSM"},

	pkcs11.CKR_SLOT_ID_INVALID:                {fault.Unavailable, fault.WrongSlot, "the HSM has no such slot"},
	pkcs11.CKR_TOKEN_NOT_PRESENT:              {fault.Unavailable, fault.TokenGone, "the token has been removed"},
	pkcs11.CKR_TOKEN_NOT_RECOGNIZED:           {fault.Unavailable, fault.TokenGone, "the token is not recognised"},
	pkcs11.CKR_DEVICE_REMOVED:                 {fault.Unavailable, fault.TokenGone, "the token has been removed"},
	pkcs11.CKR_DEVICE_ERROR:                   {fault.Unavailable, fault.TokenFailed, "the HSM reports a failure"},
	pkcs11.CKR_HOST_MEMORY:                    {fault.Unavailable, fault.TokenFailed, "the HSM's library has no memory left"},
	pkcs11.CKR_FUNCTION_CANCELED:              {fault.Unavailable, fault.TokenFailed, "the HSM gave the call up"},
	pkcs11.CKR_CANCEL:                         {fault.Unavailable, fault.TokenFailed, "the HSM gave the call up"},
	pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:       {fault.Unavailable, fault.TokenFailed, "the HSM's library has been closed"},
	pkcs11.CKR_CANT_LOCK:                      {fault.Unavailable, fault.TokenFailed, "the HSM's library does not bear threads"},
	pkcs11.CKR_NEED_TO_CREATE_THREADS:         {fault.Unavailable, fault.TokenFailed, "the HSM's library does not bear threads"},
	pkcs11.CKR_SESSION_CLOSED:                 {fault.Unavailable, fault.TokenFailed, "the HSM has ended the session"},
	pkcs11.CKR_SESSION_HANDLE_INVALID:         {fault.Unavailable, fault.TokenFailed, "the HSM has ended the session"},
	pkcs11.CKR_SESSION_COUNT:                  {fault.Unavailable, fault.TokenFailed, "the HSM has no session left"},
	pkcs11.CKR_USER_NOT_LOGGED_IN:             {fault.Unavailable, fault.TokenFailed, "the HSM has ended the login"},
	pkcs11.CKR_USER_TOO_MANY_TYPES:            {fault.Unavailable, fault.TokenFailed, "the HSM has somebody else logged in"},
	pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN: {fault.Unavailable, fault.TokenFailed, "the HSM has somebody else logged in"},
	pkcs11.CKR_SESSION_READ_WRITE_SO_EXISTS:   {fault.Unavailable, fault.TokenFailed, "the HSM has somebody else logged in"},
	ckrOperationCancelFail:                    {fault.Unavailable, fault.TokenFailed, "the HSM reports a failure"},
	ckrSessionAsyncUnusable:                   {fault.Unavailable, fault.TokenFailed, "the HSM has no session left"},
}

// code returns the return value in err; CKR_OK when there is none.
func code(err error) pkcs11.Error {
	var e pkcs11.Error
	if errors.As(err, &e) {
		return e
	}
	return pkcs11.CKR_OK
}

// translate returns err as a fault, with what was being done in its cause.
func translate(doing string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	cause := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, cause, "the HSM did not answer in time").Because(fault.TimedOut)
	}
	m, ok := meanings[code(err)]
	if !ok {
		return fault.Wrap(fault.Internal, cause, "the HSM refuses for a reason of its own")
	}
	return fault.Wrap(m.kind, cause, "%s", m.message).Because(m.reason)
}

// harmless are the return values after which a session is as good as before:
// nothing was begun, or the standard says that it has ended.
var harmless = map[pkcs11.Error]bool{
	pkcs11.CKR_ATTRIBUTE_READ_ONLY:        true,
	pkcs11.CKR_ATTRIBUTE_TYPE_INVALID:     true,
	pkcs11.CKR_ATTRIBUTE_VALUE_INVALID:    true,
	pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED: true,
	pkcs11.CKR_KEY_HANDLE_INVALID:         true,
	pkcs11.CKR_KEY_TYPE_INCONSISTENT:      true,
	pkcs11.CKR_MECHANISM_INVALID:          true,
	pkcs11.CKR_OBJECT_HANDLE_INVALID:      true,
	pkcs11.CKR_SIGNATURE_INVALID:          true,
	pkcs11.CKR_TEMPLATE_INCOMPLETE:        true,
	pkcs11.CKR_TEMPLATE_INCONSISTENT:      true,
}

// spoils reports whether the session in which err happened has to be dropped.
func spoils(err error) bool {
	if err == nil {
		return false
	}
	if e := code(err); e != pkcs11.CKR_OK {
		return !harmless[e]
	}
	return errors.Is(err, cryptoki.ErrNonsense)
}

// lostSession are the return values that say that the session, and maybe the
// login, is gone: nothing was done.
var lostSession = map[pkcs11.Error]bool{
	pkcs11.CKR_SESSION_HANDLE_INVALID: true,
	pkcs11.CKR_SESSION_CLOSED:         true,
	pkcs11.CKR_USER_NOT_LOGGED_IN:     true,
}

// unclear are the return values that may mean the caller's mistake or a broken
// device: the token is asked before it is called broken.
func unclear(err error) bool {
	e := code(err)
	if e == pkcs11.CKR_OK {
		return errors.Is(err, cryptoki.ErrNonsense)
	}
	_, known := meanings[e]
	return !known
}

// staleHandle reports whether err says that an object is not there under its handle.
func staleHandle(err error) bool {
	e := code(err)
	return e == pkcs11.CKR_KEY_HANDLE_INVALID || e == pkcs11.CKR_OBJECT_HANDLE_INVALID
}
