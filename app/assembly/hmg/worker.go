package hmg

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/pkcs11"
	"gatehouse/adapters/worker"
	"gatehouse/app/assembly/version"
	"gatehouse/app/gateway"
	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// expectedToken is the variable that tells a worker which token it may log in
// to, as workers.Identity in JSON.
const expectedToken = "GATEHOUSE_EXPECTED_TOKEN"

// parting is how long a worker may take to log out when its gateway is gone.
const parting = 3 * time.Second

// Work is the life of a worker process, which LoadWorkers starts: it loads the
// PKCS#11 library when it is first asked, and serves a slot over the pipe to the
// gateway until that ends. It fails as Invalid when this process is no worker.
func Work(ctx context.Context, c LibraryConfig, log *slog.Logger) error {
	pipe, err := worker.Pipe()
	if err != nil {
		return err
	}
	_ = os.WriteFile("/proc/self/comm", []byte("hmg-worker"), 0) // its name in logs, where the system has such names
	// One thread of Go beside those in the library: it does one thing after the
	// other, and there are other workers for the rest.
	runtime.GOMAXPROCS(1)
	quiet := slog.New(slog.DiscardHandler) // the gateway logs what its workers answer
	lib := &ownLibrary{cfg: c, log: log}
	gw := gateway.New(gateway.Config{Open: lib.open, Answers: lib.answers, Now: time.Now, Log: quiet})
	server := hmgserver.New(hmgserver.Config{
		Gateway: gw, Log: quiet, Software: "gatehouse-hmg " + version.Number,
		Uninterruptible: true, Heal: lib.heal, Library: lib.answers,
	})
	server.ServePipe(ctx, &lifeline{Conn: pipe})
	ctx, cancel := context.WithTimeout(ctx, parting)
	defer cancel()
	return errors.Join(gw.Close(ctx), lib.close()) //nolint:contextcheck // finalising a library cannot be cancelled
}

// lifeline is a pipe whose end is the process's end, soon, also when a call to
// the library hangs.
type lifeline struct {
	net.Conn

	once sync.Once
}

// Read reads from the pipe.
func (l *lifeline) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err != nil {
		l.once.Do(func() { time.AfterFunc(parting, func() { os.Exit(1) }) })
	}
	return n, err
}

// ownLibrary is a library that is loaded into this process when it is needed.
type ownLibrary struct {
	cfg LibraryConfig
	log *slog.Logger

	mu     sync.Mutex
	module *pkcs11.Module
	tokens map[uint]*pkcs11.Token
}

func (l *ownLibrary) load() (*pkcs11.Module, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.module == nil {
		m, err := load(l.cfg, l.log)
		if err != nil {
			return nil, err
		}
		l.module, l.tokens = m, map[uint]*pkcs11.Token{}
	}
	return l.module, nil
}

func (l *ownLibrary) open(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) {
	m, err := l.load() //nolint:contextcheck // loading a library cannot be cancelled
	if err != nil {
		return nil, err
	}
	if err := expect(ctx, m, slot); err != nil {
		return nil, err
	}
	t, err := m.Open(ctx, slot, pin)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens[slot] = t
	return t, nil
}

// expect returns fault.TokenGone when another token is in the slot than this worker
// is for, where it is told which that is:
// a PIN is not shown to strangers.
func expect(ctx context.Context, m *pkcs11.Module, slot uint) error {
	var want workers.Identity
	if who := os.Getenv(expectedToken); who != "" {
		if err := json.Unmarshal([]byte(who), &want); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s is not an identity in JSON", expectedToken)
		}
	}
	if want == (workers.Identity{}) {
		return nil
	}
	slots, err := m.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.ID == slot && s.Initialised && (workers.Identity{Label: s.Label, Serial: s.Serial, Manufacturer: s.Manufacturer}) != want {
			return fault.New(fault.Unavailable, "another token is in the slot now").Because(fault.TokenGone)
		}
	}
	return nil // or the slot is not there, which opening it tells
}

func (l *ownLibrary) answers(ctx context.Context) error {
	m, err := l.load() //nolint:contextcheck // loading a library cannot be cancelled
	if err != nil {
		return err
	}
	_, err = m.Slots(ctx)
	return err
}

func (l *ownLibrary) heal(ctx context.Context, slot uint, step healing.Step) error {
	l.mu.Lock()
	t := l.tokens[slot]
	l.mu.Unlock()
	if t == nil {
		return fault.New(fault.Unsupported, "no such slot is open in this worker")
	}
	return t.Heal(ctx, step)
}

func (l *ownLibrary) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.module == nil {
		return nil
	}
	return l.module.Close()
}
