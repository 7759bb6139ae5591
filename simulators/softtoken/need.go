package softtoken

import (
	"errors"
	"os"
)

// Test is what Need uses of a *testing.T or *testing.B.
type Test interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Need ends test t when err is not nil: a token that is not installed skips it
// and says what to run, but fails it when CI=true is set; any other error fails it.
func Need(t Test, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skipf("%v: run `make tools`", err)
	default:
		t.Fatalf("making a software token: %v", err)
	}
}
