package pkcs11

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
)

// Options are settings of a library; the zero value is for most of them.
type Options struct {
	Reserved     string        // pReserved of C_Initialize, which some libraries need (NSS softokn)
	Sessions     int           // sessions of a slot beside the one that holds the login; 0 means 4
	Recheck      Recheck       // how often a handle is asked whether it still means its key
	CopyAfter    int           // uses of a key before it is used through a copy of the session, where the token gains by that; 0 means 32, less means never
	CopyLife     time.Duration // after which copies are destroyed; 0 means a minute
	Handles      int           // handles of a slot that are remembered; 0 means 32768
	SingleThread bool          // for libraries that do not bear threads: all calls come one by one from one thread
	Drain        time.Duration // how long Close and Reinitialise wait for calls under way; 0 means 10 s
	Log          *slog.Logger  // nil means none
}

func (o Options) withDefaults() Options {
	if o.Sessions <= 0 {
		o.Sessions = 4
	}
	if o.Handles <= 0 {
		o.Handles = 32768
	}
	if o.Drain <= 0 {
		o.Drain = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Module is an initialised PKCS#11 library.
type Module struct {
	lib     *cryptoki.Library
	opts    Options
	calls   drain
	thread  chan func()   // SingleThread: work for the one thread
	epoch   atomic.Uint64 // grows with every C_Initialize
	library string        // description and version
	listing chan struct{} // held by Slots

	mu   sync.Mutex
	open map[uint]*Token // by slot; nil while a slot is being opened
}

// Load opens the library at path and initialises it. It fails as
// Invalid when the file is no PKCS#11 library, as Unavailable when it does not
// let itself be initialised.
func Load(path string, o Options) (*Module, error) {
	m := &Module{opts: o.withDefaults(), open: map[uint]*Token{}, listing: make(chan struct{}, 1)}
	m.calls.start()
	if m.opts.SingleThread {
		m.thread = make(chan func())
		go serveThread(m.thread)
	}
	_, err := do(context.Background(), m, nothing, func() (struct{}, error) { return struct{}{}, m.load(path) })
	if err != nil {
		m.stopThread()
		return nil, err
	}
	return m, nil
}

func (m *Module) load(path string) (err error) {
	if m.lib, err = cryptoki.Load(path); err != nil {
		return fault.Wrap(fault.Invalid, err, "the PKCS#11 library cannot be loaded")
	}
	return atToken(translate("initialising the PKCS#11 library", m.initialise()))
}

func (m *Module) initialise() error {
	err := m.lib.Initialise(pkcs11.CKF_OS_LOCKING_OK, m.opts.Reserved)
	if errors.Is(err, pkcs11.Error(pkcs11.CKR_CANT_LOCK)) && m.opts.SingleThread {
		err = m.lib.Initialise(0, m.opts.Reserved)
	}
	if err != nil {
		return err
	}
	m.epoch.Add(1)
	if info, err := m.lib.GetInfo(); err == nil {
		m.library = strings.TrimSpace(text(info.LibraryDescription) + " " + version(info.LibraryVersion))
	}
	return nil
}

// Reinitialise waits for calls under way and starts the library anew
// (C_Finalize, C_Initialize), which makes some see their tokens again. Calls are
// refused as Unavailable and Untried meanwhile. Tokens stay open, and those that
// were broken are no longer, but where the PIN was refused: each logs in again,
// once, when it is next used. When calls do not end in time, which is ctx's or
// Options.Drain, nothing is done, and the error is Unavailable with
// fault.TimedOut; it is the same when the library does not come back in time, and
// calls are then refused until it has.
func (m *Module) Reinitialise(ctx context.Context) error {
	if err := m.quiet(ctx); err != nil {
		return err
	}
	_, err := execute(ctx, m, func() (struct{}, error) {
		defer m.calls.start()
		if err := m.lib.Finalize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)) {
			return struct{}{}, err
		}
		m.epoch.Add(1) // whatever comes of it, no handle means anything any more
		if err := m.initialise(); err != nil {
			return struct{}{}, err
		}
		for _, t := range m.tokens() {
			t.mend()
		}
		return struct{}{}, nil
	})
	return atToken(translate("reinitialising the PKCS#11 library", err))
}

// tokens returns the open tokens.
func (m *Module) tokens() []*Token {
	m.mu.Lock()
	defer m.mu.Unlock()
	tokens := make([]*Token, 0, len(m.open))
	for _, t := range m.open {
		if t != nil {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// Close closes the tokens and finalises the library, after the calls under way
// have ended: C_Finalize during a call crashes real libraries. When they do not
// end in time the library stays as it is, and the error is Unavailable with
// fault.TimedOut. The Module is of no use after it either way.
func (m *Module) Close() error {
	var errs []error
	for _, t := range m.tokens() {
		errs = append(errs, t.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := m.quiet(context.Background()); err != nil {
		return err
	}
	defer m.stopThread()
	_, err := execute(context.Background(), m, func() (struct{}, error) { return struct{}{}, m.lib.Finalize() })
	return translate("finalising the PKCS#11 library", err)
}

// quiet lets no new calls in and waits for those under way.
func (m *Module) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.opts.Drain)
	defer cancel()
	return m.calls.stop(ctx)
}

func (m *Module) stopThread() {
	if m.thread != nil {
		close(m.thread)
	}
}

// text returns a string of the library without its padding.
func text(s string) string { return strings.ToValidUTF8(strings.TrimRight(s, " \x00"), "\uFFFD") }
