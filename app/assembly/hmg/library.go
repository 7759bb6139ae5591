package hmg

import (
	"context"
	"fmt"
	"log/slog"

	"gatehouse/adapters/pkcs11"
	"gatehouse/app/workers"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Library is what a gateway serves: a PKCS#11 library in this process, or
// whatever stands in for one.
type Library struct {
	Open    func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error)
	Answers func(ctx context.Context) error // a harmless call
	Close   func() error

	// Workers tells of the worker processes of a slot; nil when there are none.
	Workers func(slot uint) []workers.Status

	Uninterruptible bool // see hmgserver.Config
	Isolated        bool // see gateway.Config
}

// Start makes the gateway's library ready: in c.Workers processes for each slot,
// or in this process when there are to be none.
func Start(ctx context.Context, c Config, log *slog.Logger) (Library, error) {
	if c.Workers == 0 {
		return Load(c.LibraryConfig, log) //nolint:contextcheck // loading a library cannot be cancelled
	}
	return LoadWorkers(ctx, c.LibraryConfig, c.Workers, Itself(), log)
}

// Load loads the PKCS#11 library into this process.
func Load(c LibraryConfig, log *slog.Logger) (Library, error) {
	m, err := load(c, log)
	if err != nil {
		return Library{}, err
	}
	return Library{
		Open: func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) {
			t, err := m.Open(ctx, slot, pin)
			if err != nil {
				return nil, err
			}
			return t, nil
		},
		Answers: func(ctx context.Context) error {
			_, err := m.Slots(ctx)
			return err
		},
		Close:           m.Close,
		Uninterruptible: true,
	}, nil
}

// rechecks are the levels by their names; the default is that of the zero value.
var rechecks = map[string]pkcs11.Recheck{
	"handle": pkcs11.RecheckHandle, "result": pkcs11.RecheckResult, "never": pkcs11.RecheckNever,
}

func load(c LibraryConfig, log *slog.Logger) (*pkcs11.Module, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m, err := pkcs11.Load(c.Library, pkcs11.Options{
		Reserved: c.Reserved, Sessions: c.Sessions, SingleThread: c.SingleThread, Recheck: rechecks[c.Recheck], Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("PKCS11_LIB_PATH: %w", err)
	}
	return m, nil
}
