package softtoken_test

import (
	"runtime"
	"testing"
	"unsafe"
)

// pin returns a pointer to b that C may hold until the test ends.
func pin(t *testing.T, b []byte) unsafe.Pointer {
	t.Helper()
	var p runtime.Pinner
	p.Pin(&b[0])
	t.Cleanup(p.Unpin)
	return unsafe.Pointer(&b[0])
}
