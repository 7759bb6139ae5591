package hmg_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/app/assembly/hmg"
	workforce "gatehouse/app/workers"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/softtoken"
)

// TestKilledWorkers kills, and freezes, workers under load: every request for a
// signature is answered with one that verifies.
func TestKilledWorkers(t *testing.T) {
	st, err := softtoken.SoftHSM(t.TempDir(), "killed", "1234")
	softtoken.Need(t, err)
	if err := st.Setenv(); err != nil {
		t.Fatal(err)
	}
	lib := workers(t, hmg.LibraryConfig{Library: st.Lib, Sessions: 4})
	tok, err := lib.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tok.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		if left := children(t); len(left) != 0 {
			t.Errorf("%d workers are left behind", len(left))
		}
	}()
	o, err := tok.Generate(t.Context(), hsm.Template{Type: keys.EC, Curve: keys.P256, ID: []byte("k"), Label: []byte("k"), Ops: keys.OpSign | keys.OpVerify})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		all    bool
	}{
		{"one killed", syscall.SIGKILL, false},
		{"all killed", syscall.SIGKILL, true},
		{"one crashed", syscall.SIGSEGV, false},
		{"one frozen", syscall.SIGSTOP, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(t, tok, o, 8)
			for range 3 {
				l.await(200)
				// Not while one logs in: SoftHSM writes its token's file then, and
				// is left without a token when it is killed in the middle.
				eventually(t, "both workers serve", func() bool { return serving(lib.Workers(st.Slot)) == 2 })
				for _, pid := range children(t) {
					if err := syscall.Kill(pid, c.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
						t.Fatal(err)
					}
					if !c.all {
						break
					}
				}
			}
			l.await(200)
			l.end()
		})
	}
}

// signing is requests for signatures by some callers, one after the other.
type signing struct {
	t    *testing.T
	stop context.CancelFunc
	done sync.WaitGroup
	good atomic.Int64
}

func load(t *testing.T, tok token.Token, o hsm.Object, callers int) *signing {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(o.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("got a %T, want an EC key", parsed)
	}
	ctx, stop := context.WithCancel(t.Context())
	l := &signing{t: t, stop: stop}
	for i := range callers {
		l.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				digest := sha256.Sum256(fmt.Appendf(nil, "%d %d", i, n))
				within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
				r, err := tok.Operate(within, o.Ref(), operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: digest[:]})
				cancel()
				switch {
				case err != nil:
					t.Errorf("caller %d, request %d: %v", i, n, err)
				case !ecdsa.VerifyASN1(public, digest[:], r.Output):
					t.Errorf("caller %d, request %d: the signature does not verify", i, n)
				}
				l.good.Add(1)
			}
		})
	}
	return l
}

// await waits for so many more answers.
func (l *signing) await(n int64) {
	l.t.Helper()
	aim := l.good.Load() + n
	eventually(l.t, strconv.FormatInt(n, 10)+" more answers", func() bool { return l.good.Load() >= aim })
}

// eventually waits until is reports true: what it asks about is in other processes.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s in a minute", what)
		}
	}
}

func serving(list []workforce.Status) (n int) {
	for _, s := range list {
		if s.Serving {
			n++
		}
	}
	return n
}

func (l *signing) end() {
	l.stop()
	l.done.Wait()
}

// children returns the processes that this one has started and that have not ended.
func children(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("needs /proc: run it on Linux")
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[0] != "Z" && f[1] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}
