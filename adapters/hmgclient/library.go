package hmgclient

import (
	"context"

	"gatehouse/adapters/hmgwire"
)

// Library is the PKCS#11 library in a worker process, without any slot.
type Library struct{ gate *gate }

// DialLibrary reaches the worker behind cfg.Pipe. It must be closed.
func DialLibrary(cfg Config) *Library { return &Library{gate: new(Pool).hold(cfg.withDefaults())} }

// Answers asks the library for a harmless call. Errors are those of token.Token's Check.
func (l *Library) Answers(ctx context.Context) error {
	link, err := l.gate.connect(ctx, 0)
	if err != nil {
		return err
	}
	return link.do(ctx, hmgwire.KindLibrary, nil, nil)
}

// Close gives the connection up.
func (l *Library) Close() { l.gate.release() }
