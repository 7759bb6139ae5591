package pkcs11

import (
	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Recheck is how far a library is trusted that a handle means today what it meant
// when the key was found. Libraries have been seen to give the number of an object
// that is gone to another, and to go over to another HSM without a word.
type Recheck int

// The levels. Each includes those before it but for RecheckNever.
const (
	// RecheckHandle is the default: after each operation, and before its result is
	// given out, the handle must still show the CKA_ID, the label and what else
	// tells the key from others that it was found with, and so must its public
	// half. It does not see a handle that means another object during the
	// operation and its own again after it. A key that is used through a copy
	// shows the first of these, for which key it is was asked when it was copied.
	RecheckHandle Recheck = iota
	// RecheckResult has each signature verified here, with the public key that is
	// known, before it is given out. Nothing but a signature by the key passes.
	RecheckResult
	// RecheckNever trusts handles as long as neither session nor login is lost.
	RecheckNever
)

// Each attribute is dear on some tokens: two are enough for a result, and one when a
// copy of the key was used. What is to be changed or destroyed is looked at from all
// sides.
const (
	glimpse = 1
	glance  = 2
	look    = 4
)

// proofOf returns what tells o from other objects, and that it has more besides.
func proofOf(o located, most int, more ...cryptoki.Attribute) *cryptoki.Proof {
	attrs, left := attributes(more), cryptoki.MaxProof
	most += len(more)
	for _, a := range more {
		left -= len(a.Value)
	}
	for _, a := range []cryptoki.Attribute{
		{Type: pkcs11.CKA_ID, Value: o.ID},
		{Type: o.told.Type, Value: o.told.Value},
		{Type: pkcs11.CKA_LABEL, Value: o.Label[:o.label]},
		{Type: pkcs11.CKA_CLASS, Value: ulong(classNumber(o.Class))},
	} {
		if n := len(a.Value); n > 0 && n <= left && len(attrs) < most {
			attrs, left = append(attrs, a), left-n
		}
	}
	return cryptoki.NewProof(attrs)
}

// tells returns the attribute that says most of whether a key is the same.
func tells(r *cryptoki.Reader, o hsm.Object) (a cryptoki.Attribute) {
	var at int
	switch {
	case o.Class == hsm.SecretKey:
		at = atCheckValue
	case o.Class == hsm.PrivateKey && o.Type == keys.RSA, o.Class == hsm.PublicKey && o.Type == keys.RSA:
		at = atModulus
	case o.Class == hsm.PublicKey && o.Type == keys.EC:
		at = atECPoint
	default:
		return cryptoki.Attribute{}
	}
	return cryptoki.Attribute{Type: wanted[at].Type, Value: bytesOf(r, at)}
}

// still makes sure that a handle still means the object that it meant: errMoved
// says that it does not.
func (t *Token) still(s *session, o *located, p *cryptoki.Proof) error {
	same, err := t.m.lib.Same(s.handle, o.handle, p)
	if err == nil && !same {
		err = errMoved
	}
	return err
}

// question is whether a handle still means an object.
type question struct {
	object cryptoki.Object
	proof  *cryptoki.Proof
}

// questions returns those that tell whether a job was done with the object of k
// that was meant, or with a copy of it.
func (k *key) questions(j job, by *copied) []question {
	switch {
	case by != nil:
		return []question{{by.object, by.proof}, {k.handle, by.key[j.kind]}}
	case j.object != k.handle:
		return []question{{k.public.handle, k.publicProof}}
	case len(k.told.Value) != 0 || k.public == nil:
		return []question{{k.handle, k.proof}}
	default: // a private EC key does not tell its public key
		return []question{{k.handle, k.proof}, {k.public.handle, k.publicProof}}
	}
}

// recheck asks them: errMoved says that another object was used, or may have been.
func (t *Token) recheck(s *session, k *key, j job, by *copied) error {
	for _, q := range k.questions(j, by) {
		same, err := t.m.lib.Same(s.handle, q.object, q.proof)
		if blames(err) { // wrongly: no request has a part in it
			err = atToken(translate("asking whether a handle still means its key", err))
		}
		if err != nil {
			return err
		}
		if !same {
			if by != nil {
				by.over.Store(true)
			}
			return errMoved
		}
	}
	return nil
}

// verified makes sure that a signature is the key's, where that is asked for and
// the public key is known.
func (t *Token) verified(k *key, op operations.Sign, signature []byte) error {
	if t.m.opts.Recheck != RecheckResult || k.software() == nil {
		return nil
	}
	res, err := verifyHere(k, operations.Verify{
		Hash: op.Hash, Mode: op.Mode, Prehashed: op.Prehashed, Input: op.Input, Signature: signature,
	})
	if err == nil && !res.Valid {
		return errMoved
	}
	return err
}

// errMoved says that handles have lost their meaning since the key was found: no
// result was given out. It is told only to who waits while that happens again
// and again.
var errMoved = fault.New(fault.Unavailable, "the HSM gives its keys other handles again and again").Because(fault.Busy)
