package hmgclient_test

import (
	"testing"

	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

// TestOwnToken runs the suite through a gateway over the token that the
// environment names: see `make conformance` and docs/hsm/README.md.
func TestOwnToken(t *testing.T) {
	h := through(t, softtoken.NeedOwn(t))
	h.Stranger()
	tokentest.Run(t, h)
}
