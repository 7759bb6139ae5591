package hmg

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/worker"
	"gatehouse/app/assembly/version"
	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// WorkerProgram is what is run as a worker process: it has to call Work.
type WorkerProgram struct {
	Path   string
	Args   []string
	Stderr io.Writer // nil means none
}

// Itself is this program, told to be a worker. It is what runs now, even when
// the file has been replaced since.
func Itself() WorkerProgram {
	path := "/proc/self/exe"
	if _, err := os.Stat(path); err != nil {
		path = os.Args[0]
	}
	return WorkerProgram{Path: path, Args: []string{"worker"}, Stderr: os.Stderr}
}

// How long a worker may take to start, load the library and log in, and to log
// out and end.
const (
	starting = 30 * time.Second
	stopping = 2 * parting
	silence  = 3 * time.Second // of a worker that owes answers: it is frozen, for one whose library hangs answers pings
)

// LoadWorkers has the PKCS#11 library loaded by worker processes: each slot
// gets n of its own. It fails as Invalid when the library cannot be loaded; one
// that loads and does not work yet is no reason to fail.
func LoadWorkers(ctx context.Context, c LibraryConfig, n int, p WorkerProgram, log *slog.Logger) (Library, error) {
	if err := c.Validate(); err != nil {
		return Library{}, err
	}
	ws := &workshop{program: p, env: c.environment(), slack: c.slack(), log: log, slots: map[uint]*workers.Slot{}}
	asked, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	if err := ws.answers(asked); errors.Is(err, fault.Invalid) {
		return Library{}, fault.New(fault.Invalid, "%s", cmp.Or(errors.Unwrap(err), err)) // in the worker's own words
	} else if err != nil {
		log.Warn("the PKCS#11 library does not work yet", slog.Any("error", err))
	}
	cfg := workers.Config{Start: ws.start, Now: time.Now, Jitter: rand.Float64, Log: log, Workers: n}
	return Library{
		Open: func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) {
			s, err := workers.Open(ctx, cfg, slot, pin)
			if err != nil {
				return nil, err
			}
			ws.opened(slot, s)
			return s, nil
		},
		Answers:         ws.answers,
		Close:           ws.close,
		Workers:         ws.workers,
		Uninterruptible: true,
		Isolated:        true,
	}, nil
}

// environment returns this process's environment for a worker, with c as its
// configuration and without what is none of its business.
func (c LibraryConfig) environment() []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "CERT_") && !strings.HasPrefix(name, "PKCS11_") && name != "NOTIFY_SOCKET" {
			env = append(env, e)
		}
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue // the worker has the same defaults
		}
		env = append(env, fmt.Sprintf("%s=%v", v.Type().Field(i).Tag.Get("env"), v.Field(i)))
	}
	return env
}

// slack returns how late the timers of a worker may be. Go's runtime looks every 20 us
// whether a thread is still in the library, and then has another thread do what else
// there is to do, on the processor that a call of SoftHSM2 needs. With this slack it
// comes when a call of a few milliseconds has ended. A library that waits for an HSM
// is another matter: its calls are to wait at the same time.
func (c LibraryConfig) slack() time.Duration {
	if strings.Contains(strings.ToLower(filepath.Base(c.Library)), "softhsm") {
		return 5 * time.Millisecond
	}
	return 0
}

// workshop starts workers.
type workshop struct {
	program WorkerProgram
	env     []string
	slack   time.Duration
	log     *slog.Logger

	mu     sync.Mutex
	slots  map[uint]*workers.Slot
	scout  *scout
	asking sync.Mutex
}

func (ws *workshop) process(env ...string) (*worker.Process, error) {
	return worker.Start(worker.Program{
		Path: ws.program.Path, Name: "gatehouse-hmg", Args: ws.program.Args, Env: append(env, ws.env...), Stderr: ws.program.Stderr, Slack: ws.slack,
	})
}

// start starts a worker and logs in. When ctx ends first, the worker still has a
// moment: there are tokens that do not bear it when who logs in is killed.
func (ws *workshop) start(ctx context.Context, slot uint, pin secret.Value, expected workers.Identity) (token.Worker, error) {
	who, err := json.Marshal(expected)
	if err != nil {
		return nil, err
	}
	p, err := ws.process(expectedToken + "=" + string(who))
	if err != nil {
		return nil, err
	}
	dialled := make(chan error, 1)
	var t *hmgclient.Token
	go func() {
		var err error
		t, err = hmgclient.Dial(context.WithoutCancel(ctx), hmgclient.Config{
			Pipe: pipeOf(p), Slot: slot, PIN: pin, Insist: true, Software: "gatehouse-hmg " + version.Number,
			DialTimeout: starting, Silence: silence,
		})
		dialled <- err
	}()
	select {
	case err = <-dialled:
		if err == nil {
			return process{t, p}, nil
		}
	case <-ctx.Done():
		select {
		case err = <-dialled: // a PIN that is refused must not be shown again
			if err == nil {
				_ = process{t, p}.Close() //nolint:contextcheck // nobody is left to use it, or to wait
			}
		case <-time.After(parting):
			p.Kill()
			if <-dialled == nil {
				_ = t.Close() //nolint:contextcheck // as above
			}
		}
		if err == nil {
			err = fault.Wrap(fault.Unavailable, ctx.Err(), "the worker did not start in time").Because(fault.TimedOut)
		}
	}
	p.Kill()
	return nil, err
}

// pipeOf returns the way to a worker, which is open once.
func pipeOf(p *worker.Process) func(context.Context) (net.Conn, error) {
	pipe := p.Pipe()
	var mu sync.Mutex
	return func(context.Context) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if pipe == nil {
			return nil, fault.New(fault.Unavailable, "the worker process has ended").Because(fault.LibraryDown)
		}
		c := pipe
		pipe = nil
		return c, nil
	}
}

// process is a token in a worker process.
type process struct {
	*hmgclient.Token

	worker *worker.Process
}

var _ token.Worker = process{}

// Kill ends the process.
func (p process) Kill() { p.worker.Kill() }

// Close logs out and ends the process.
func (p process) Close() error {
	err := p.Token.Close()
	p.worker.Stop(stopping)
	return err
}

// scout is a worker that is only asked whether the library answers.
type scout struct {
	worker  *worker.Process
	library *hmgclient.Library
}

func (s *scout) end() {
	s.worker.Kill()
	s.library.Close()
}

// answers asks a worker without a slot. One that does not answer is replaced
// the next time.
func (ws *workshop) answers(ctx context.Context) error {
	ws.asking.Lock()
	defer ws.asking.Unlock()
	ws.mu.Lock()
	s := ws.scout
	ws.scout = nil
	ws.mu.Unlock()
	if s == nil {
		p, err := ws.process()
		if err != nil {
			return err
		}
		s = &scout{worker: p, library: hmgclient.DialLibrary(hmgclient.Config{Pipe: pipeOf(p), Software: "gatehouse-hmg " + version.Number})}
	}
	if err := s.library.Answers(ctx); err != nil {
		s.end()
		return err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.scout = s
	return nil
}

// dismiss ends the worker without a slot: others tell of the library now.
func (ws *workshop) dismiss() {
	ws.mu.Lock()
	s := ws.scout
	ws.scout = nil
	ws.mu.Unlock()
	if s != nil {
		s.end()
	}
}

func (ws *workshop) opened(slot uint, s *workers.Slot) {
	ws.dismiss()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.slots[slot] = s
}

// workers tells of the workers of a slot; none when it has never been open.
func (ws *workshop) workers(slot uint) []workers.Status {
	ws.mu.Lock()
	s := ws.slots[slot]
	ws.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Workers()
}

// close ends what is left: the tokens have been closed by who opened them.
func (ws *workshop) close() error {
	ws.dismiss()
	return nil
}
