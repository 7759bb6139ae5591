// Package backendtest is the contract of the port ports/backend in executable
// form. Every kind of backend runs it.
//
// It asks nothing that backend.Backend does not promise: what a backend cannot
// do must be refused as fault.Unsupported and be listed in Harness.Refuses, so
// that nothing drops out of the suite unseen. Results are checked with Go's own
// cryptography or with published vectors. Keys have ids and names of their own,
// so that one place for keys serves a whole run and need not be empty.
package backendtest

import (
	"testing"

	"gatehouse/core/groups"
	"gatehouse/ports/backend"
)

// Harness tells the suite how to reach one backend and what to expect of it.
type Harness struct {
	// Open returns a backend over the place where the harness's keys are; each
	// call as after a restart of the service, with the earlier ones still in use.
	Open func(t *testing.T) backend.Backend

	// Group is the group whose keys these are.
	Group groups.Group

	// Virtual tells that material stays in an HSM: keys are made with a pointer
	// instead of sealed material, are found by Recover, and are gone for every
	// backend once destroyed.
	Virtual bool

	// Refuses lists the cases that this backend refuses as unsupported, as
	// patterns of path.Match over their names ("import CERTIFICATE", "sign EC
	// NistP256 *"). A refusal that is not listed fails, and so does a listed case
	// that works.
	Refuses []string

	// Unreachable returns a backend whose keys cannot be reached; nil where
	// there is no such thing.
	Unreachable func(t *testing.T) backend.Backend
}

// Run tests one backend.
func Run(t *testing.T, h Harness) {
	if h.Open == nil || h.Group.ID == "" || h.Group.Account == "" {
		t.Fatal("the harness needs Open, and a Group with its id and account")
	}
	s := newSuite(t, h)
	t.Run("generate", s.generates)
	t.Run("generate refused", s.generateRefused)
	t.Run("import", s.imports)
	t.Run("import refused", s.importRefused)
	t.Run("import of a public key", s.publicOnly)
	t.Run("cipher", s.ciphers)
	t.Run("rsa encryption", s.rsaEncryption)
	t.Run("sign", s.signatures)
	t.Run("mac", s.macs)
	t.Run("decryption refused", s.decryptionRefused)
	t.Run("in parts", s.parts)
	t.Run("wrap", s.wraps)
	t.Run("unwrap refused", s.unwrapRefused)
	t.Run("derive", s.derives)
	t.Run("agree", s.agrees)
	t.Run("encapsulate", s.encapsulates)
	t.Run("operations leave their input alone", s.inputs)
	t.Run("an operation is spent once", s.spentOnce)
	t.Run("another key's material", s.swapped)
	t.Run("export", s.exports)
	t.Run("update", s.updates)
	t.Run("destroy", s.destroys)
	t.Run("after a restart", s.restart)
	t.Run("recover", s.recovers)
	t.Run("context", s.contexts)
	t.Run("concurrency", s.concurrency)
	t.Run("unreachable", s.unreachable)
	s.refusals.check(t)
}
