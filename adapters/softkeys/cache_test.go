package softkeys_test

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/adapters/softkeys"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

// counting counts how often something is opened.
type counting struct {
	seal.Sealer
	opened atomic.Int64
}

func (c *counting) Open(p seal.Purpose, owner string, s secret.Sealed) (secret.Value, error) {
	c.opened.Add(1)
	return c.Sealer.Open(p, owner, s)
}

func counted(t *testing.T, open int) (*desk, *counting) {
	t.Helper()
	c := &counting{Sealer: sealer(t)}
	return &desk{b: softkeys.New(c, softkeys.Config{OpenKeys: open})}, c
}

var gcm = operations.Encrypt{Mode: operations.GCM, Plain: []byte("data")}

func TestWarmUseOpensNothing(t *testing.T) {
	d, c := counted(t, 0)
	k := d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	for range 10 {
		d.must(t, k, gcm)
	}
	if got := c.opened.Load(); got != 1 {
		t.Errorf("material was opened %d times, want once", got)
	}
}

func TestTheKeysUsedLastStayOpen(t *testing.T) {
	d, c := counted(t, 2)
	var ks []keys.Key
	for range 3 {
		ks = append(ks, d.generate(t, keys.Spec{Type: keys.HMAC, Size: 256}))
	}
	mac := operations.MAC{Hash: operations.SHA256, Data: []byte("data")}
	for i, step := range []struct {
		key  int
		want int64 // how often material was opened by then
	}{{0, 1}, {1, 2}, {0, 2}, {2, 3}, {0, 3}, {1, 4}, {0, 4}, {2, 5}} {
		d.must(t, ks[step.key], mac)
		if got := c.opened.Load(); got != step.want {
			t.Fatalf("after step %d material was opened %d times, want %d", i, got, step.want)
		}
	}
}

// TestOtherMaterialIsAnotherKey: a record whose material has changed is never
// served from what it had before.
func TestOtherMaterialIsAnotherKey(t *testing.T) {
	d, c := counted(t, 0)
	k := d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	before := d.must(t, k, gcm)

	resealed := k.Clone()
	s, err := c.Seal(seal.KeyMaterial, string(k.ID), secret.New(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	resealed.Material = s
	_, err = d.use(t, resealed, operations.Decrypt{Mode: operations.GCM, Cipher: before.Output, IV: before.IV, Tag: before.Tag})
	wantKind(t, err, fault.Invalid)

	after := d.must(t, k, operations.Decrypt{Mode: operations.GCM, Cipher: before.Output, IV: before.IV, Tag: before.Tag})
	if !bytes.Equal(after.Output, gcm.Plain) {
		t.Errorf("decrypted %q", after.Output)
	}
}

func TestDestroyForgets(t *testing.T) {
	d, c := counted(t, 0)
	k := d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	d.must(t, k, gcm)
	if err := d.b.Destroy(t.Context(), ordinary, k); err != nil {
		t.Fatalf("Destroy: %v", err)
	}
	d.must(t, k, gcm)
	if got := c.opened.Load(); got != 2 {
		t.Errorf("material was opened %d times, want twice", got)
	}
}

// TestNoKeyIsWipedInUse: callers push each other's keys out of a cache of one,
// and every MAC is still right. The race detector sees a wipe that comes too early.
func TestNoKeyIsWipedInUse(t *testing.T) {
	d, _ := counted(t, 1)
	data := bytes.Repeat([]byte("data"), 1000)
	var wg sync.WaitGroup
	for range 4 {
		k := d.generate(t, keys.Spec{Type: keys.HMAC, Size: 256})
		want := d.must(t, k, operations.MAC{Hash: operations.SHA256, Data: data}).Output
		wg.Go(func() {
			for range 200 {
				a, err := authorise(k, operations.MAC{Hash: operations.SHA256, Data: data})
				if err != nil {
					t.Errorf("authorising: %v", err)
					return
				}
				got, err := d.b.Operate(t.Context(), ordinary, a)
				if err != nil || !bytes.Equal(got.Output, want) {
					t.Errorf("got MAC %x, error %v; want %x", got.Output, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestAnOutsizedKeyIsNotKept: it works, and is opened each time.
func TestAnOutsizedKeyIsNotKept(t *testing.T) {
	d, c := counted(t, 0)
	k := d.take(t, keys.Spec{Type: keys.HMAC}, bytes.Repeat([]byte{1}, 20000))
	for range 3 {
		d.must(t, k, operations.MAC{Hash: operations.SHA256, Data: []byte("data")})
	}
	if got := c.opened.Load(); got != 3 {
		t.Errorf("material was opened %d times, want 3", got)
	}
}
