package hmgclient_test

import (
	"bytes"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// BenchmarkRoundTrip measures what the hop costs: a P-256 signature's request
// and answer, with a token that does nothing, over mutual TLS on one connection.
func BenchmarkRoundTrip(b *testing.B) {
	for name, callers := range map[string]int{"1 caller": 1, "16 callers": 16, "64 callers": 64} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			w.token.operate = func(operations.Operation) (operations.Result, error) {
				return operations.Result{Output: make([]byte, 70)}, nil
			}
			tok := w.dial(b)
			ref := hsm.Ref{
				Class: hsm.PrivateKey, Type: keys.EC, ID: bytes.Repeat([]byte{7}, 16),
				Label: []byte("signing key 1"), Fingerprint: bytes.Repeat([]byte{9}, 32),
			}
			op := operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: bytes.Repeat([]byte{1}, 32)}
			ctx := b.Context()
			work := make(chan struct{}, 1024)
			var wg sync.WaitGroup
			b.ReportAllocs()
			runtime.GC()
			before, start := cpu(b), time.Now()
			b.ResetTimer()
			each := b.N/callers + 1
			for range callers {
				wg.Go(func() {
					for range each {
						if _, err := tok.Operate(ctx, ref, op); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			_ = work
			n := float64(each * callers)
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/n, "cpu-ns/op")
			b.ReportMetric(n/time.Since(start).Seconds(), "op/s")
		})
	}
}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
