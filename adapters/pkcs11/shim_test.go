package pkcs11_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	raw "github.com/miekg/pkcs11"

	"gatehouse/simulators/softtoken"
)

// Functions that the shim intercepts, by their place in CK_FUNCTION_LIST.
const (
	finalize          = 1
	getSlotList       = 4
	getTokenInfo      = 6
	openSession       = 12
	closeSession      = 13
	closeAllSessions  = 14
	getSessionInfo    = 15
	login             = 18
	logout            = 19
	createObject      = 20
	copyObject        = 21
	destroyObject     = 22
	getAttributeValue = 24
	setAttributeValue = 25
	findObjectsInit   = 26
	findObjects       = 27
	encryptInit       = 29
	encrypt           = 30
	decryptInit       = 33
	digestInit        = 37
	digest            = 38
	signInit          = 42
	sign              = 43
	verifyInit        = 48
	verify            = 49
	generateKey       = 58
	wrapKey           = 60
	unwrapKey         = 61
	deriveKey         = 62
	generateRandom    = 64
)

// What the shim does with calls.
const (
	pass int32 = iota
	hang
	fail      // return the value and do nothing
	failAfter // do it and return the value
	tooSmallOnce
	absurdLength
	stopAtFirst
	corrupt // what comes out is wrong by a bit
)

const always = -1

// A shim stands in front of SoftHSM2 and does what it is told; see testdata/shim.c.
type shim struct {
	softtoken.Token
	control []byte
}

type rule struct {
	action, count int32
	rv            uint64
}

func newShim(tb testing.TB) *shim {
	tb.Helper()
	dir := tb.TempDir()
	s := &shim{Token: softHSM(tb)}
	control, lib := filepath.Join(dir, "control"), filepath.Join(dir, "shim.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", lib, "testdata/shim.c").CombinedOutput(); err != nil {
		tb.Fatalf("compiling the shim: %v: %s", err, out)
	}
	if err := os.WriteFile(control, make([]byte, 4096), 0o600); err != nil {
		tb.Fatal(err)
	}
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	s.control, err = syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		tb.Fatal(err)
	}
	s.Env = append(s.Env, "SHIM_LIBRARY="+s.Lib, "SHIM_CONTROL="+control)
	s.Lib = lib
	return s
}

// Where the shim counts, in the file that it shares with the test.
const (
	atCalls    = 16 * 68
	atSessions = atCalls + 8*68
	atSwapped  = atSessions + 8
	atOthers   = atSwapped + 8*4
	atFrom     = atOthers + 8
	atHung     = atFrom + 8*2
	atFreed    = atHung + 8
)

func (s *shim) word(at int) *uint64 { return (*uint64)(unsafe.Pointer(&s.control[at])) }

// calls returns how often a function has been called.
func (s *shim) calls(function int) uint64 { return atomic.LoadUint64(s.word(atCalls + 8*function)) }

// sessions returns how many sessions are open.
func (s *shim) sessions() int { return int(atomic.LoadUint64(s.word(atSessions))) }

// others returns how many calls came from another thread than the first.
func (s *shim) others() uint64 { return atomic.LoadUint64(s.word(atOthers)) }

// swap makes each of two handles mean the other's object, for one function or
// for all (0); of 0 and 0, none.
func (s *shim) swap(a, b raw.ObjectHandle, only int) {
	atomic.StoreUint64(s.word(atSwapped+16), uint64(only))
	atomic.StoreUint64(s.word(atSwapped), uint64(a))
	atomic.StoreUint64(s.word(atSwapped+8), uint64(b))
}

// swapFrom is swap from the next call of a function on, for all functions, or for
// that call alone.
func (s *shim) swapFrom(a, b raw.ObjectHandle, function int, once bool) {
	alone := uint64(0)
	if once {
		alone = 1
	}
	atomic.StoreUint64(s.word(atFrom+8), alone)
	atomic.StoreUint64(s.word(atFrom), uint64(function))
	s.swap(a, b, 0)
}

// tell has the next count calls of a function go wrong.
func (s *shim) tell(function int, action int32, count int32, rv uint64) {
	r := (*rule)(unsafe.Pointer(&s.control[16*function]))
	r.rv = rv
	atomic.StoreInt32(&r.count, count)
	atomic.StoreInt32(&r.action, action)
}

// hangNext has the next call of a function hang until release is called, which must
// be before the next hangNext.
func (s *shim) hangNext(t *testing.T, function int) (reached <-chan struct{}, release func()) {
	t.Helper()
	got := make(chan struct{})
	number := atomic.LoadUint64(s.word(atHung)) + 1
	go func() {
		for atomic.LoadUint64(s.word(atHung)) < number {
			select {
			case <-t.Context().Done(): // nobody calls it
				return
			case <-time.After(time.Millisecond):
			}
		}
		close(got)
	}()
	s.tell(function, hang, 1, 0)
	return got, func() { atomic.StoreUint64(s.word(atFreed), number) }
}
