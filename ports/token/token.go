// Package token is the port through which Gatehouse reaches the keys in an
// HSM: a logged-in PKCS#11 slot in the words of the domain.
//
// Where the slot is makes no difference to its user: behind a library in this
// process (adapters/pkcs11), behind a gateway (adapters/hmgclient), or in
// memory (simulators/tokensim). All pass the suite in tokentest, which is the
// contract in executable form.
package token

import (
	"context"

	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Token is a logged-in slot.
//
// Concurrency: all methods may be called at once; an implementation serialises
// what its token cannot bear.
//
// Context: a method returns within a moment of its context's end, as
// fault.Unavailable with fault.TimedOut (or the context's error wrapped in it);
// the token may still carry the call out, so that Generate, Import, Unwrap,
// Derive, Update and Destroy must be followed by a look at the inventory.
//
// Errors, for every method: fault.Unavailable when the token cannot be reached
// or is failing, with a fault.Reason where one is known; another connection to
// the same HSM may do better. fault.Unavailable with a Reason for which
// Credential is true when the PIN is not accepted; the PIN is not tried again
// by this Token. Every other kind is about the request: no other connection
// would do better.
//
// Nobody below retries a Generate, Import, Unwrap, Derive, Update or Destroy.
// After Close every method returns fault.Unavailable.
type Token interface {
	// Check does a real call to the token and tells what it is. It fails with
	// fault.TokenGone when another token is now in the slot than at first.
	Check(ctx context.Context) (hsm.Info, error)

	// Inventory yields every object that the filter lets through, in no
	// order, as they are read; an object whose attributes cannot all be read is
	// yielded with Unreadable set. Halves of a pair are two objects. It stops
	// at the first error of yield and returns it. yield must not call the token.
	// With the filter's Afresh it may have to log in, and fail as that fails; what
	// it yields is from then on there for every other call too.
	Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error

	// Generate makes a key or a pair that outlives the session (CKA_TOKEN),
	// sensitive, and extractable only when the template says so, and returns
	// the half that holds the material with PublicKey filled in for pairs.
	// fault.Unsupported: the token cannot make such a key. fault.Conflict: a
	// key of this class and CKA_ID is there already, for a pair one of either
	// half; of several calls at once for one CKA_ID a single one succeeds.
	// fault.Invalid: the template has no CKA_ID, or a size that its type does
	// not have. A failed Generate leaves nothing behind, as far as the token
	// lets it.
	Generate(ctx context.Context, t hsm.Template) (hsm.Object, error)

	// Import puts a key into the token: PKCS#8 DER for a private key (both
	// halves are made), SubjectPublicKeyInfo DER for a public key, raw bytes
	// for a symmetric one. Otherwise as Generate; fault.Invalid when the
	// material is not what the template says.
	Import(ctx context.Context, t hsm.Template, material secret.Value) (hsm.Object, error)

	// Operate does op with the key that ref names; what only the public half
	// of a pair can do is done with the public key of the same CKA_ID.
	// fault.NotFound: no object matches ref, in which an empty CKA_ID or label
	// matches only an empty one. fault.Conflict: several match, and ref's
	// fingerprint does not single one out, or the one that does is another key
	// than the fingerprint says; nothing was done.
	// fault.Unsupported: the token has no mechanism for op. fault.Denied: the
	// key's own attributes forbid it. fault.Invalid: operations.Check or the
	// token refuses the input, for a ciphertext always with the one error
	// operations.DecryptRefused.
	// A signature or MAC that does not verify is a Result, not an error.
	Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error)

	// Wrap returns the key that subject names, encrypted with the key that with
	// names: raw bytes of a symmetric key, PKCS#8 DER of a private one. Output,
	// IV and Tag are as those of operations.Encrypt. Errors as Operate, for
	// either key; fault.Denied also when the subject is not extractable;
	// fault.Invalid when it is too long, or of no length, for the mode, and for
	// a private key under an asymmetric one; fault.Unsupported, before anything
	// is tried, when the token lists no mechanism that wraps so. It changes
	// nothing and may be repeated.
	Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error)

	// Unwrap makes a key of what Wrap has returned: durability, Conflict and
	// what a failure leaves behind are as Generate's. The template's Size may be
	// 0: the wrapped key tells. Of a private key the public half is made too
	// where the token tells the public key, which it often does not for EC; then
	// PublicKey is empty. fault.NotFound, fault.Conflict without a key of
	// the template's CKA_ID, and fault.Denied are about the key that with names.
	// A wrapped key that does not open, or that is not what the template says,
	// is always operations.DecryptRefused's one error.
	Unwrap(ctx context.Context, with hsm.Ref, t hsm.Template, u operations.Unwrap) (hsm.Object, error)

	// Derive makes a secret key from the key that base names, by an
	// operations.Agree or operations.Derive: otherwise as Unwrap. The new key has
	// the template's Size; what the operation yields more than that is cut off
	// at its beginning for Agree (PKCS#11 v3.1, 6.3.17) and at its end otherwise.
	// fault.Invalid when it yields less, or the peer's public key is none of the
	// base key's curve.
	Derive(ctx context.Context, base hsm.Ref, t hsm.Template, d operations.Operation) (hsm.Object, error)

	// Update changes attributes of the key that ref names, on both halves of a
	// pair, or removes its private half. Errors as Operate; fault.Denied when
	// the token keeps them fixed. Of what has no private half to remove
	// fault.Invalid, and fault.BadState when no public half would be left. An
	// Update that fails has changed nothing, as far as the token lets it be undone.
	Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error

	// Destroy removes the key that ref names, both halves of a pair.
	// fault.NotFound when there is none: the second of two calls says so.
	Destroy(ctx context.Context, ref hsm.Ref) error

	// Close gives up the sessions. It waits for calls that are under way.
	Close() error
}
