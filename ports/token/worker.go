package token

import (
	"context"

	"gatehouse/core/healing"
)

// Worker is a Token that can be mended, and killed: in practice one in a
// process of its own.
type Worker interface {
	Token

	// Heal takes a step up to NewLibrary, logging in again where the step ends
	// the login; the PIN is presented at most once. Calls under way may fail.
	// Errors as Check. fault.Unsupported: a step that a worker cannot take.
	Heal(ctx context.Context, step healing.Step) error

	// Kill ends the worker at once, whatever it is doing. Calls under way fail
	// as fault.Unavailable without a reason, and so does every later one.
	Kill()
}
