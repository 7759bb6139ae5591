package softkeys

import (
	"crypto/rsa"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// refused translates an error of the cryptographic libraries in anything but a
// decryption, of which every error is operations.DecryptRefused.
func refused(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rsa.ErrMessageTooLong):
		return fault.Wrap(fault.Invalid, err, "plain is too long for this key and padding")
	default:
		return fault.Wrap(fault.Internal, err, "%s", doing)
	}
}

// ended is the answer when the caller's context has ended.
func ended(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the request was given up").Because(fault.TimedOut)
}

// misfit is the answer to an operation that no check let through: a bug above.
func misfit(op operations.Operation) error {
	return fault.New(fault.Internal, "a %s that this type of key does not know", operations.Name(op))
}

// publicHalf is the answer when an operation needs the private half of a pair.
func publicHalf() error {
	return fault.New(fault.Denied, "only the public half of this key is here")
}

// notDER is the answer to the material of a pair that cannot be read.
func notDER(t keys.Type, cause error) error {
	forms := "PKCS#8, PKCS#1 or SubjectPublicKeyInfo"
	if t == keys.EC {
		forms = "PKCS#8, SEC 1 or SubjectPublicKeyInfo"
	}
	return fault.Wrap(fault.Invalid, cause, "value is not an %s key in DER as %s", t, forms)
}
