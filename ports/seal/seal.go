// Package seal is the port through which secrets become storable: they are
// encrypted and authenticated under a master key that the store never holds.
//
// Guarantee: what is sealed for one purpose and owner opens for these alone, so
// that whoever can write to the store cannot move a PIN or a key to where it
// would be used for something else. It is used by the use cases before they
// store a secret and by the backends that need one. adapters/seal implements
// it; the suite in sealtest is the contract in executable form.
package seal

import "gatehouse/core/secret"

// Purpose tells what a secret is for. The spelling of a purpose is part of what
// is sealed: it never changes once used.
type Purpose string

// The purposes, with what the owner is for each.
const (
	KeyMaterial   Purpose = "key material"           // id.Key: the material of an ordinary key
	ConnectionPIN Purpose = "connection PIN"         // id.Connection: the PIN of an HSM's slot
	ConnectionKey Purpose = "connection TLS key"     // id.Connection: the client key shown to a gateway
	AppCredential Purpose = "application credential" // id.App: a secret that must be shown again
	ServiceSecret Purpose = "service secret"         // the name of something the service keeps for itself
	Parcel        Purpose = "parcel for a caller"    // what it is, and whose: something that a caller keeps and hands back
	MasterCheck   Purpose = "master key check"       // the name of the store; see NewCheck
)

// Sealer seals and opens secrets with the master keys that it holds. During a
// rotation it holds several; it seals under the newest and opens under all.
//
// Concurrency: all methods may be called at once. Nothing waits and nothing
// does I/O: a master key that is kept elsewhere is fetched before a Sealer is
// made. Errors: always fault.Internal, because no caller can do anything about
// them, with a Cause; they never tell anything of the secret.
type Sealer interface {
	// Seal returns v encrypted for this purpose and owner, neither of which may
	// be empty; v may be. Sealing twice gives two different results. It does
	// not keep v.
	Seal(p Purpose, owner string, v secret.Value) (secret.Sealed, error)

	// Open returns what was sealed for this purpose and owner. The value is the
	// caller's, who may wipe it. Errors: UnknownMaster, Damaged.
	Open(p Purpose, owner string, s secret.Sealed) (secret.Value, error)

	// Reseal returns s sealed under the newest master key, and whether it
	// changed: what is under the newest already is opened as a check and
	// returned as it is. So a rotation may be repeated from the start at any
	// time. Errors as Open.
	Reseal(p Purpose, owner string, s secret.Sealed) (out secret.Sealed, changed bool, err error)
}

// Cause is why a sealed secret does not open, for who starts the service and
// for logs. It is an error, so that errors.Is works with it.
type Cause string

// The causes.
const (
	UnknownMaster Cause = "sealed under a master key that is not here"
	Damaged       Cause = "damaged, or sealed for something else"
	Unbound       Cause = "neither purpose nor owner may be empty"
)

// Error makes a Cause an error.
func (c Cause) Error() string { return string(c) }
