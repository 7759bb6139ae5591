package conformance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	port "gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
	"gatehouse/simulators/tokensim/tokensimtest"
)

// tweaked is a simulated token that does some things wrong: each function that
// is set stands in for the method of its name.
type tweaked struct {
	port.Token
	check     func(ctx context.Context) (hsm.Info, error)
	inventory func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error
	generate  func(ctx context.Context, t hsm.Template) (hsm.Object, error)
	imports   func(ctx context.Context, t hsm.Template, material secret.Value) (hsm.Object, error)
	operate   func(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error)
	update    func(ctx context.Context, ref hsm.Ref, c hsm.Change) error
	destroy   func(ctx context.Context, ref hsm.Ref) error
	close     func() error
}

func (w *tweaked) Check(ctx context.Context) (hsm.Info, error) { return w.check(ctx) }
func (w *tweaked) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	return w.inventory(ctx, f, yield)
}

func (w *tweaked) Generate(ctx context.Context, t hsm.Template) (hsm.Object, error) {
	return w.generate(ctx, t)
}

func (w *tweaked) Import(ctx context.Context, t hsm.Template, material secret.Value) (hsm.Object, error) {
	return w.imports(ctx, t, material)
}

func (w *tweaked) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	return w.operate(ctx, ref, op)
}

func (w *tweaked) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	return w.update(ctx, ref, c)
}
func (w *tweaked) Destroy(ctx context.Context, ref hsm.Ref) error { return w.destroy(ctx, ref) }
func (w *tweaked) Close() error                                   { return w.close() }

// broken is one way to be wrong.
type broken struct {
	name  string
	part  string // of the suite, as -test.run has it: the first that must fail
	tweak func(w *tweaked, slot *tokensim.Slot)
}

// all are the wrong implementations, by what they get wrong.
func all() []broken {
	var every []broken
	for _, some := range [][]broken{results, lifecycles, references, failures} {
		every = append(every, some...)
	}
	return every
}

// which names the implementation that TestSuite runs over: a child process of
// TestSuiteFailsWrongTokens has it set.
const which = "GATEHOUSE_BROKEN_TOKEN"

// TestSuite runs the suite over a token that is not tweaked, to see that it is
// the tweak that fails the others.
func TestSuite(t *testing.T) {
	name, tweak := os.Getenv(which), func(*tweaked, *tokensim.Slot) {}
	for _, b := range all() {
		if b.name == name {
			tweak = b.tweak
		}
	}
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(tokensimtest.PIN)})
	tokentest.Run(t, tokensimtest.Harness(slot, func(t *testing.T, s *tokensim.Slot, pin secret.Value) (port.Token, error) {
		t.Helper()
		tok, err := s.Open(t.Context(), pin)
		if err != nil {
			return nil, err
		}
		w := &tweaked{
			tok, tok.Check, tok.Inventory, tok.Generate, tok.Import, tok.Operate, tok.Update, tok.Destroy, tok.Close,
		}
		tweak(w, s)
		return w, nil
	}))
}

// TestSuiteFailsWrongTokens runs the suite over tokens that each break the
// contract in one way. A suite that lets one through proves nothing.
func TestSuiteFailsWrongTokens(t *testing.T) {
	t.Parallel()
	for _, b := range all() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			out, err := suiteOver(t, b.name, b.part)
			failed := "--- FAIL: TestSuite/" + strings.NewReplacer("^", "", "$", "").Replace(b.part)
			if err == nil || !strings.Contains(out, failed) {
				t.Errorf("the suite lets it through (%v):\n%s", err, out)
			}
		})
	}
}

func suiteOver(t *testing.T, name, part string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, fmt.Sprintf("-test.run=^TestSuite$/%s", part), "-test.timeout=60s")
	// The race detector would let each process wait a second for late reports.
	cmd.Env = append(os.Environ(), which+"="+name, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
