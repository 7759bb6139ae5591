package crash_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

const (
	callers = 16 // at once
	before  = 15 // signatures of each caller before the crash
	after   = 15 // and after it
)

// TestGatewayCrashes kills the gateway under load, three times: callers that sign see
// one failure each at most, the one of the request that was under way, and
// once the gateway is back everything works as before.
func TestGatewayCrashes(t *testing.T) {
	w := newWorld(t)
	signer := w.signer()
	service := w.lab.Service.PID
	for range 3 {
		w.crashUnderLoad(signer)
	}
	w.noStrangers()
	if w.lab.Service.PID != service {
		t.Error("the service was started again")
	}
	w.noIntents()
	if n := w.agree(); n > 0 {
		t.Logf("SoftHSM2 left %d objects half made", n)
	}
	w.noSecrets()
}

// signer makes a key pair in the HSM.
func (w *world) signer() dsmwire.Sobject {
	w.t.Helper()
	name := "signer"
	k, err := w.app.Generate(w.t.Context(), dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "EC", EllipticCurve: "NistP256"})
	must(w.t, err)
	return k
}

// sign signs and verifies one message.
func sign(ctx context.Context, c *dsmclient.Client, k dsmwire.Sobject, public *ecdsa.PublicKey, message string) error {
	r, err := c.Sign(ctx, dsmwire.SignRequest{Key: &dsmwire.SobjectDescriptor{KID: k.KID}, HashAlg: "SHA256", Data: []byte(message)})
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(message))
	if !ecdsa.VerifyASN1(public, digest[:], r.Signature) {
		return errors.New("the signature is wrong")
	}
	return nil
}

// load is callers that sign, and one that makes keys.
type load struct {
	warm    sync.WaitGroup // counts callers before the crash
	crashed atomic.Bool
	resumed chan struct{} // closed when the gateway is back

	mu       sync.Mutex
	failures int     // that the crash has cost
	wrong    []error // that it must not cost
}

// failed records the failure of a request that the crash may have cost, and
// waits for the gateway to be back.
func (l *load) failed(err error) {
	l.mu.Lock()
	plain := errors.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "Not Connected")
	if plain && l.crashed.Load() {
		l.failures++
	} else {
		l.wrong = append(l.wrong, err)
	}
	l.mu.Unlock()
	<-l.resumed
}

func (w *world) crashUnderLoad(k dsmwire.Sobject) {
	w.t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(k.PubKey)
	must(w.t, err)
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		w.t.Fatalf("got a public key of type %T", parsed)
	}
	l := &load{resumed: make(chan struct{})}
	var done sync.WaitGroup
	for caller := range callers {
		l.warm.Add(1)
		done.Go(func() { l.call(w.t.Context(), w.app, k, public, fmt.Sprintf("caller %d", caller)) })
	}
	done.Go(func() { w.makeKeys(l) })

	l.warm.Wait()
	l.crashed.Store(true)
	resume, err := w.lab.CrashGateway()
	must(w.t, err)
	must(w.t, resume(w.t.Context()))
	close(l.resumed)
	done.Wait()
	w.t.Logf("%d callers met the crash with %d failures", callers, l.failures)
	for _, err := range l.wrong {
		w.t.Errorf("beside what was under way the crash has cost: %v", err)
	}
}

// call signs until the gateway has crashed and come back, and some more.
func (l *load) call(ctx context.Context, c *dsmclient.Client, k dsmwire.Sobject, public *ecdsa.PublicKey, message string) {
	for i := 0; ; i++ {
		if i == before {
			l.warm.Done()
		}
		if err := sign(ctx, c, k, public, message); err != nil {
			l.failed(err)
			if i < before {
				l.warm.Done()
			}
			break
		}
		select {
		case <-l.resumed:
		default:
			continue
		}
		break
	}
	for range after {
		if err := sign(ctx, c, k, public, message); err != nil {
			l.mu.Lock()
			l.wrong = append(l.wrong, fmt.Errorf("after the gateway was back: %w", err))
			l.mu.Unlock()
		}
	}
}

// makeKeys makes keys until the gateway is back: one may be under way when it crashes.
func (w *world) makeKeys(l *load) {
	size := uint32(256)
	for {
		w.made++
		name := fmt.Sprintf("made %d", w.made)
		_, err := w.app.Generate(w.t.Context(), dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "AES", KeySize: &size})
		if err != nil {
			l.failed(err)
			return
		}
		select {
		case <-l.resumed:
			return
		default:
		}
	}
}

// noStrangers waits until what the crashes have interrupted is settled: no key
// is in the token that the service does not know.
func (w *world) noStrangers() {
	w.t.Helper()
	eventually(w.t, "the token holds no key that the service does not know", func() error {
		objects, _ := w.objects()
		for _, o := range objects {
			if err := w.present(string(o.Label)); err != nil {
				return fmt.Errorf("%+v: %w", o, err)
			}
		}
		return nil
	})
	// What was never made is forgotten in the end: all its names are free again.
	for n := 1; n <= w.made; n++ {
		name, size := fmt.Sprintf("made %d", n), uint32(256)
		if w.present(name) == nil {
			continue
		}
		eventually(w.t, name+" can be made", func() error {
			_, err := w.app.Generate(w.t.Context(), dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "AES", KeySize: &size})
			return err
		})
	}
}
