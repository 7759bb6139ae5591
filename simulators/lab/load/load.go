// Package load uses keys through the service without a pause, as several
// applications do at once, and checks every result.
//
// It guarantees that each use is counted, that a wrong result counts as a
// failure, that signatures are verified without the service, and that nothing
// is repeated: what the service refuses has failed. The features and the lab
// use it while things break. All methods may be called at once.
package load

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// Failure is a use that has failed.
type Failure struct {
	Use   string // sign, verify, encrypt …
	Err   error
	At    time.Time // when it had failed
	After time.Duration
}

// String tells what has failed, and how.
func (f Failure) String() string {
	return fmt.Sprintf("%s after %s: %v", f.Use, f.After.Round(time.Millisecond), f.Err)
}

// Report is what has become of a load.
type Report struct {
	Uses     int // that were right
	Failures []Failure
	Slowest  time.Duration // of the uses that were right
}

// Load is a load that goes on until Stop.
type Load struct {
	app   *dsmclient.Client
	keys  keys
	now   func() time.Time
	ended chan struct{}
	done  sync.WaitGroup
	uses  atomic.Int64

	mu     sync.Mutex
	report Report
}

// keys are those that the load uses.
type keys struct {
	signer, lock, stamp *dsmwire.SobjectDescriptor
	public              *ecdsa.PublicKey
}

// Start makes a key of each kind in a group, and uses them with so many callers
// at once. It returns when each has been used.
func Start(ctx context.Context, app *dsmclient.Client, groupID string, callers int, now func() time.Time) (*Load, error) {
	l := &Load{app: app, now: now, ended: make(chan struct{})}
	if err := l.make(ctx, groupID); err != nil {
		return nil, err
	}
	for _, u := range uses {
		if err := u.do(l, ctx); err != nil {
			return nil, fmt.Errorf("trying to %s: %w", u.name, err)
		}
	}
	// Each use ends by itself: stopping the load must not look like a failure.
	background := context.WithoutCancel(ctx)
	for first := range callers {
		l.done.Go(func() { l.call(background, first) })
	}
	return l, nil
}

func (l *Load) make(ctx context.Context, groupID string) error {
	aes, mac := uint32(256), uint32(256)
	for _, k := range []struct {
		name string
		r    dsmwire.SobjectRequest
		at   **dsmwire.SobjectDescriptor
	}{
		{"load signer", dsmwire.SobjectRequest{ObjType: "EC", EllipticCurve: "NistP256"}, &l.keys.signer},
		{"load lock", dsmwire.SobjectRequest{ObjType: "AES", KeySize: &aes}, &l.keys.lock},
		{"load stamp", dsmwire.SobjectRequest{ObjType: "HMAC", KeySize: &mac}, &l.keys.stamp},
	} {
		k.r.Name, k.r.GroupID = &k.name, &groupID
		made, err := l.app.Generate(ctx, k.r)
		if err != nil {
			return fmt.Errorf("making the key %q: %w", k.name, err)
		}
		*k.at = &dsmwire.SobjectDescriptor{KID: made.KID}
		if k.r.ObjType != "EC" {
			continue
		}
		parsed, err := x509.ParsePKIXPublicKey(made.PubKey)
		if err != nil {
			return fmt.Errorf("reading the public key: %w", err)
		}
		public, ok := parsed.(*ecdsa.PublicKey)
		if !ok {
			return fmt.Errorf("the public key is a %T", parsed)
		}
		l.keys.public = public
	}
	return nil
}

// call uses one key after the other until the load is stopped.
func (l *Load) call(ctx context.Context, first int) {
	for i := first; ; i++ {
		select {
		case <-l.ended:
			return
		default:
		}
		u := uses[i%len(uses)]
		begun := l.now()
		err := u.do(l, ctx)
		took := l.now().Sub(begun)
		if err == nil {
			l.uses.Add(1)
		}
		l.mu.Lock()
		if err != nil {
			l.report.Failures = append(l.report.Failures, Failure{Use: u.name, Err: err, At: begun.Add(took), After: took})
		} else {
			l.report.Slowest = max(l.report.Slowest, took)
		}
		l.mu.Unlock()
	}
}

// Uses returns how many uses were right so far.
func (l *Load) Uses() int { return int(l.uses.Load()) }

// Stop ends the load when what is under way has ended, and reports. It may be
// called once.
func (l *Load) Stop() Report {
	close(l.ended)
	l.done.Wait()
	r := l.report
	r.Uses = l.Uses()
	return r
}
