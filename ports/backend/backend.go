// Package backend is the port that tells where the material of a group's keys
// lives and how an operation reaches it.
//
// Two kinds implement it: app/slotkeys (HSM groups: tokens behind failover) and
// adapters/softkeys (ordinary groups: material sealed in the store). The suite
// in backendtest is the contract in executable form.
package backend

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Made is what a backend tells of a key that it has just made or found.
type Made struct {
	Size      int
	Curve     keys.Curve
	ParamSet  keys.ParamSet
	PublicKey []byte        // DER SubjectPublicKeyInfo, asymmetric keys
	KCV       string        // symmetric keys, where known
	KCVCMAC   string        // AES and DES3, where known
	Public    bool          // only the public half is there
	Material  secret.Sealed // ordinary keys
	Virtual   *keys.Pointer // virtual keys
}

// Order asks for a key. ID is chosen by the caller and recorded in an intent
// first: for a key in an HSM it is the CKA_ID too, so that recovery finds it.
type Order struct {
	ID       id.Key
	Group    groups.Group
	Spec     keys.Spec // checked
	Imported bool      // the material comes from outside; only then may a public key stand alone
}

// Subject is a key that another one wraps.
type Subject struct {
	Key keys.Key

	// Material is the key's value as Export returns it, when the service knows
	// it. Otherwise the key lives in the same HSM group as the one that wraps it.
	Material secret.Value
}

// Cause tells what is certain of a call that failed. It is an error, so that
// errors.Is works with it.
type Cause string

// Untouched is in the chain of an error when no token was reached: certainly
// nothing was done.
const Untouched Cause = "no token was reached"

// Error makes a Cause an error.
func (c Cause) Error() string { return string(c) }

// Backend makes, uses and removes keys of one kind of group.
//
// Concurrency: all methods may be called at once. Context: as token.Token.
// Errors: as token.Token, with Untouched where that is known; nobody below
// retries what changes a token.
// Durability: on return of Generate, Import, Unwrap and Derive, material in an HSM is durable
// there; Made.Material is for the caller to store.
type Backend interface {
	// Generate makes a key. fault.Unsupported when the backend cannot.
	Generate(ctx context.Context, o Order) (Made, error)

	// Import takes a key in: PKCS#8 or PKCS#1 DER, or SEC 1 DER, of a private
	// key, SubjectPublicKeyInfo DER of a public one, X.509 DER for a
	// certificate, raw bytes otherwise. fault.Invalid when the material is not
	// what the order says.
	Import(ctx context.Context, o Order, material secret.Value) (Made, error)

	// Operate spends a on its key. A second use of a is fault.Internal.
	Operate(ctx context.Context, g groups.Group, a *access.Authorised) (operations.Result, error)

	// Wrap spends a, which authorises operations.Wrap, on the key that wraps:
	// Output is the wrapped subject; IV and Tag are as of operations.Encrypt. Who
	// may have the subject is the caller's to decide. fault.Invalid when the
	// subject is of no length for the mode; fault.Denied when it may not leave its
	// HSM; fault.Unsupported when this backend cannot take a subject from where
	// it is, or has not the mode.
	Wrap(ctx context.Context, g groups.Group, a *access.Authorised, s Subject) (operations.Result, error)

	// Unwrap spends a, which authorises operations.Unwrap, on a key of the
	// order's group, and makes a key there of what was wrapped, as Import does.
	// Whatever is wrong with the wrapped key, that it is not what the order says
	// too, is operations.DecryptRefused's one error. What an ordinary group's
	// backend has made need not be stored there: exported, it may be imported
	// elsewhere.
	Unwrap(ctx context.Context, o Order, a *access.Authorised) (Made, error)

	// Derive spends a, which authorises operations.Derive, Agree, Encapsulate or
	// Decapsulate, on a key of the order's group, and makes the symmetric key
	// there that the order asks for (Spec.CheckDerive), of the size that it gives.
	// Output is the ciphertext of Encapsulate. fault.Invalid when the operation
	// does not yield as much, or the peer's key does not fit;
	// operations.DecryptRefused for a ciphertext that Decapsulate cannot take.
	Derive(ctx context.Context, o Order, a *access.Authorised) (Made, operations.Result, error)

	// Export returns the key's material in the form that Import takes.
	// fault.Denied when it may not leave, fault.Unsupported when it cannot.
	Export(ctx context.Context, g groups.Group, k keys.Key) (secret.Value, error)

	// Update changes label and permissions of the key's material where it
	// lives. For ordinary keys it is a no-op: permissions are the caller's record.
	Update(ctx context.Context, g groups.Group, k keys.Key, c hsm.Change) error

	// Destroy removes the key's material for ever; a key that is not there any
	// more counts as removed. For ordinary keys it is a no-op: the caller
	// forgets the sealed material.
	Destroy(ctx context.Context, g groups.Group, k keys.Key) error

	// Present reports whether the key's material is still where it should be.
	Present(ctx context.Context, g groups.Group, k keys.Key) (bool, error)

	// Recover looks for what an interrupted order left behind. It returns the
	// key if it is whole and nil if nothing is there; half-made remains are
	// removed first. Nil is for good only of a look afresh (hsm.Filter), once the
	// order cannot be under way any more.
	Recover(ctx context.Context, o Order, afresh bool) (*Made, error)
}
