// Package tokentest is the contract of the port ports/token in executable form.
//
// Every implementation runs it, real or simulated: simulators/conformance fails
// for one that does not, and proves that wrong ones fail. The suite asks of a
// token what token.Token promises, and of its mechanisms only AES with CBC. What
// a token cannot do must be refused as fault.Unsupported, must be absent from
// its capabilities, and must be listed in Harness.Refuses, so that nothing drops
// out of the suite unseen. Results are checked with Go's own cryptography, or
// with published vectors where Go has none.
//
// All keys that the suite makes have CKA_IDs of their own, so that one token
// serves a whole run and need not be empty. Run is not for parallel use with
// other users of the same token.
package tokentest

import (
	"testing"

	"gatehouse/ports/token"
)

// Call names a method of token.Token, for the hooks that make one fail.
type Call string

// The calls that hooks are asked to make fail.
const (
	Check     Call = "check"
	Inventory Call = "inventory"
	Generate  Call = "generate"
	Import    Call = "import"
	Operate   Call = "operate"
	Wrap      Call = "wrap"
	Unwrap    Call = "unwrap"
	Derive    Call = "derive"
	Update    Call = "update"
	Destroy   Call = "destroy"
)

// Harness tells the suite how to reach one token, and what else can be done to
// it. Open is required. A hook that is nil needs an entry in NotApplicable.
type Harness struct {
	// Open opens the token with its right PIN. It is never called while a Token
	// that it returned earlier is open.
	Open func(t *testing.T) token.Token

	// Refuses lists the cases that this token refuses as unsupported, as
	// patterns of path.Match over their names ("generate EC SecP256K1", "sign RSA
	// PSS SHA3_*"). A refusal that is not listed fails, and so does a listed case
	// that works.
	Refuses []string

	// RefusesUnknown is for a token of which nobody knows what it refuses: every
	// refusal passes, and is recorded.
	RefusesUnknown bool

	// ForgetsSize is the reason why the token does not tell the size of a key that
	// was unwrapped; empty for one that does.
	ForgetsSize string

	// Tidy is for a token that others use too: what the suite makes is destroyed at
	// its end, which a token of its own does not need.
	Tidy bool

	// OpenWrongPIN opens the token with a PIN that is not its own. It is called
	// once, and never while a Token is open.
	OpenWrongPIN func(t *testing.T) (token.Token, error)

	// Foreign works on the token as another application would.
	Foreign *Foreign

	// Reinitialise makes all sessions and handles of the open Token stale, as a
	// restart of the HSM or of its library does. Token objects stay.
	Reinitialise func(t *testing.T)

	// Swap puts another token into the slot of the open Token. It is called
	// last: the harness's token is not used after it.
	Swap func(t *testing.T)

	// FailApplied makes the next such call be carried out and reported as
	// failed, with fault.Unavailable.
	FailApplied func(t *testing.T, c Call)

	// Hang makes the next such call hang, until release is called or for ever;
	// reached is closed when the call has got that far.
	Hang func(t *testing.T, c Call) (reached <-chan struct{}, release func())

	// NotApplicable gives the reason for each hook that is nil, by field name.
	NotApplicable map[string]string
}

// Run tests one implementation with one token.
func Run(t *testing.T, h Harness) {
	s := newSuite(t, h)
	t.Run("open", func(t *testing.T) {
		s.open(t)
		for _, p := range s.parts() {
			t.Run(p.name, p.run)
		}
	})
	t.Run("closed", s.closed)
	t.Run("wrong PIN", s.wrongPIN)
	t.Run("swapped", s.swapped)
	s.refusals.check(t)
}

type part struct {
	name string
	run  func(t *testing.T)
}

func (s *suite) parts() []part {
	return []part{
		{"check", s.check},
		{"generate", s.generate},
		{"generate refused", s.generateRefused},
		{"import", s.imports},
		{"import refused", s.importRefused},
		{"inventory", s.inventory},
		{"cipher", s.ciphers},
		{"rsa encryption", s.rsaEncryption},
		{"sign", s.signatures},
		{"mac", s.macs},
		{"decryption refused", s.decryptionRefused},
		{"operation refused", s.operationRefused},
		{"wrap", s.wraps},
		{"wrap refused", s.wrapRefused},
		{"unwrap refused", s.unwrapRefused},
		{"derive", s.derives},
		{"derive refused", s.deriveRefused},
		{"references", s.references},
		{"update", s.updates},
		{"update of what a key may do to others", s.tightened},
		{"remove the private half", s.removals},
		{"destroy", s.destroys},
		{"context", s.contexts},
		{"concurrency", s.concurrency},
		{"foreign", s.foreign},
		{"replaced", s.replaced},
		{"reinitialised", s.reinitialised},
		{"applied but reported failed", s.appliedButFailed},
		{"hang", s.hangs},
	}
}
