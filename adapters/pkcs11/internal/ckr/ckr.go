// Package ckr is the one table of PKCS#11's return values: what each says, who
// is at fault, what the caller is told and what is done about the token.
//
// It guarantees that every return value of PKCS#11 v2.40, v3.0, v3.1 and v3.2
// has one row, and that every other number, a vendor's own too, has a meaning:
// unclear. Pure values; used by adapters/pkcs11 alone, and printed into
// docs/pkcs11-return-values.md.
package ckr

import (
	"fmt"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

// Class tells who or what is at fault.
type Class string

// The classes. Session to Worker are the token's fault, and name what has to be
// new for it to serve again.
const (
	Request    Class = "request"    // what was asked for: no other session, login or HSM would do better
	Credential Class = "credential" // the PIN: it is never presented again by itself
	Capacity   Class = "capacity"   // something is used up for now
	Session    Class = "session"
	Login      Class = "login"
	Library    Class = "library"
	Worker     Class = "worker"
	Unclear    Class = "unclear" // the caller's mistake on some tokens, a broken device on others
)

// Classes lists the closed set.
func Classes() []Class {
	return []Class{Request, Credential, Capacity, Session, Login, Library, Worker, Unclear}
}

// TokensFault reports whether c puts the blame on the token, its library or
// what it holds for us.
func (c Class) TokensFault() bool {
	return c == Session || c == Login || c == Library || c == Worker
}

// Health is what a value, seen once in an operation, says of the token.
type Health string

// What is thought of the token.
const (
	Fine Health = "none" // it serves
	Ask  Health = "ask"  // it serves, if it answers a call that is known to be good
	Bad  Health = "bad"  // it does not serve, until a step has helped
)

// Value is a row: a return value and its meaning.
type Value struct {
	Code    uint
	Name    string // CKR_…
	Since   string // the version of PKCS#11 that has it first, from v2.40 on
	Class   Class
	Kind    fault.Kind
	Reason  fault.Reason
	Message string // for the caller
	Health  Health
	Step    healing.Step // the first that may help
	Keeps   bool         // the session is as good as before: nothing was begun, or the standard says that it has ended
	Untried bool         // the standard says that nothing was done
}

// VendorDefined is where the vendors' own values begin.
const VendorDefined = 0x80000000

// Of returns the meaning of a return value other than CKR_OK.
func Of(code uint) Value {
	if v, ok := byCode[code]; ok {
		return v
	}
	name := fmt.Sprintf("0x%08X", code)
	if code >= VendorDefined {
		name = fmt.Sprintf("CKR_VENDOR_DEFINED+0x%X", code-VendorDefined)
	}
	return unclear(code, name, "")
}

// Values returns the table, in the order of the codes.
func Values() []Value { return append([]Value(nil), table...) }

var byCode = func() map[uint]Value {
	m := make(map[uint]Value, len(table))
	for _, v := range table {
		m[v.Code] = v
	}
	return m
}()

// own is what is said of a refusal that nobody understands.
const own = "the HSM refuses for a reason of its own"

func unclear(code uint, name, since string) Value {
	return Value{
		Code: code, Name: name, Since: since, Class: Unclear, Kind: fault.Internal, Message: own,
		Health: Ask, Step: healing.NewSession,
	}
}
