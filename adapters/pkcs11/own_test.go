package pkcs11_test

import (
	"os"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

// TestOwnToken runs the suite over the token that the environment names: see
// `make conformance` and docs/hsm/README.md.
func TestOwnToken(t *testing.T) {
	st := softtoken.NeedOwn(t)
	h := harness(t, load(t, st, pkcs11.Options{SingleThread: os.Getenv("PKCS11_SINGLE_THREAD") == "true"}), st)
	h.Stranger()
	tokentest.Run(t, h)
}
