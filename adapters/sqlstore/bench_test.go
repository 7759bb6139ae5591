package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/core/audit"
	"gatehouse/core/id"
	"gatehouse/core/keyquery"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// virtual returns the n-th key of an HSM, as a sync finds it.
func virtual(n int) keys.Key {
	now := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	return keys.Key{
		ID: id.Key(fmt.Sprintf("%08x-0000-4000-8000-00000000abcd", n)), Account: "a", Group: "g", Name: fmt.Sprint("key ", n),
		Type: keys.EC, Size: 256, Curve: keys.P256, Ops: keys.OpSign | keys.OpVerify, State: keys.Active, Enabled: true,
		Origin: keys.OriginExternal, Creator: id.Principal{Kind: id.GroupPrincipal, ID: "g"},
		PublicKey: make([]byte, 91), CreatedAt: now, Version: 1,
		Virtual: &keys.Pointer{ID: fmt.Append(nil, n), Label: fmt.Append(nil, "label ", n), Fingerprint: make([]byte, 32)},
	}
}

func estate(n int) []keys.Key {
	list := make([]keys.Key, n)
	for i := range list {
		list[i] = virtual(i)
	}
	return list
}

func signed() audit.Record {
	return audit.Record{
		At: time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC), Correlation: "7f3c1f5e-0d5f-4f8e-9a57-2f6a1c9d0e11",
		Account: "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e11",
		Actor:   id.Principal{Kind: id.AppPrincipal, ID: "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e12"}, Action: "sign",
		Object: "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e13", Group: "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e14", Outcome: audit.Done,
	}
}

// measure reports the processor time of an operation, which on a busy machine
// says more than the time that it took.
func measure(b *testing.B) {
	b.Helper()
	used := func() (ns int64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	b.Cleanup(func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") })
}

func BenchmarkAppendAudit(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b)
			work := make(chan struct{}, b.N)
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			done := make(chan error, callers)
			measure(b)
			b.ResetTimer()
			for range callers {
				go func() {
					for range work {
						// as a request has it: with an end
						ctx, cancel := context.WithCancel(b.Context())
						err := s.AppendAudit(ctx, signed())
						cancel()
						if err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range callers {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSyncKeys(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("added=%d", n), func(b *testing.B) {
			list := estate(n)
			for b.Loop() {
				b.StopTimer()
				s := open(b)
				b.StartTimer()
				if err := s.SyncKeys(b.Context(), list, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("changed=%d", n), func(b *testing.B) {
			s := open(b)
			list := estate(n)
			if err := s.SyncKeys(b.Context(), list, nil); err != nil {
				b.Fatal(err)
			}
			changes := make([]store.KeyChange, n)
			for i, k := range list {
				changes[i] = store.KeyChange{Key: k.ID, Change: func(k keys.Key) (keys.Key, error) { k.Size++; return k, nil }}
			}
			measure(b)
			for b.Loop() {
				if err := s.SyncKeys(b.Context(), nil, changes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeys(b *testing.B) {
	s := open(b)
	const n = 10_000
	if err := s.SyncKeys(b.Context(), estate(n), nil); err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		measure(b)
		for i := 0; b.Loop(); i++ {
			if _, err := s.Key(b.Context(), virtual(i%n).ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list 1000 of 10000 with counts", func(b *testing.B) {
		measure(b)
		for b.Loop() {
			if _, err := s.ListKeys(b.Context(), store.KeyQuery{Account: "a", Limit: 1000, Count: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("find by CKA_LABEL", func(b *testing.B) {
		for b.Loop() {
			page, err := s.ListKeys(b.Context(), store.KeyQuery{Account: "a", Label: []byte("label 77")})
			if err != nil || len(page.Keys) != 1 {
				b.Fatal(len(page.Keys), err)
			}
		}
	})
	b.Run("filter 10000", func(b *testing.B) {
		f, err := keyquery.Parse(`{"$and":[{"name":{"$text":{"$search":"77"}}},{"key_ops":{"$any":"SIGN"}}]}`)
		if err != nil {
			b.Fatal(err)
		}
		where := f.Where(keyquery.Circumstances{Now: time.Unix(1, 0)})
		measure(b)
		for b.Loop() {
			page, err := s.ListKeys(b.Context(), store.KeyQuery{Account: "a", Where: where})
			if err != nil || len(page.Keys) < 100 {
				b.Fatal(len(page.Keys), err)
			}
		}
	})
	b.Run("filter 10000 that are known", func(b *testing.B) {
		known := map[id.Key]keys.Key{}
		for _, k := range estate(n) {
			known[k.ID] = k
		}
		where := func(k keys.Key) bool { return strings.Contains(k.Name, "77") }
		measure(b)
		for b.Loop() {
			page, err := s.ListKeys(b.Context(), store.KeyQuery{Account: "a", Where: where, Known: func(k id.Key, v int64) (keys.Key, bool) {
				key, ok := known[k]
				return key, ok && key.Version == v
			}})
			if err != nil || len(page.Keys) < 100 {
				b.Fatal(len(page.Keys), err)
			}
		}
	})
	b.Run("each of 10000", func(b *testing.B) {
		measure(b)
		for b.Loop() {
			if err := s.EachKey(b.Context(), "g", func(keys.Key) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("update", func(b *testing.B) {
		measure(b)
		for b.Loop() {
			_, err := s.UpdateKey(b.Context(), virtual(1).ID, func(k keys.Key) (keys.Key, error) { k.Size++; return k, nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
