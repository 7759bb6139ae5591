package hmgwire_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// TestDocument holds docs/gateway-protocol.md to what the code does.
func TestDocument(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/gateway-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(b)
	want := func(what, text string) {
		t.Helper()
		if !strings.Contains(document, text) {
			t.Errorf("%s: the document lacks %q", what, text)
		}
	}
	for _, f := range []struct {
		kind    hmgwire.Kind
		id      uint64
		message any
	}{
		{hmgwire.KindHello, 0, hmgwire.NewHello("x", hmgwire.Limits{})},
		{hmgwire.KindAnswer, 0, hmgwire.NewHello("y", hmgwire.Limits{Frame: hmgwire.MaxFrame, Requests: 1024})},
		{hmgwire.KindOperate, 1, &hmgwire.Operate{
			Scope:     hmgwire.Scope{Handle: 3, Timeout: 9},
			Ref:       hmgwire.Ref{Class: "private key", Type: "EC", ID: []byte{1}, Fingerprint: []byte{2}},
			Operation: hmgwire.Operation{Name: "sign", Input: []byte{5}, Hash: "SHA256", Prehashed: true},
		}},
		{hmgwire.KindAnswer, 1, &hmgwire.Result{Output: []byte{1, 2}}},
	} {
		var buf bytes.Buffer
		if err := hmgwire.Append(&buf, f.kind, f.id, f.message); err != nil {
			t.Fatal(err)
		}
		frame := hex.EncodeToString(buf.Bytes())
		want("example", fmt.Sprintf("%s %s %s %s", frame[:8], frame[8:10], frame[10:26], frame[26:]))
	}
	for kind, name := range map[hmgwire.Kind]string{
		hmgwire.KindHello: "hello", hmgwire.KindOpen: "open", hmgwire.KindClose: "close", hmgwire.KindCheck: "check",
		hmgwire.KindInventory: "inventory", hmgwire.KindGenerate: "generate", hmgwire.KindImport: "import",
		hmgwire.KindOperate: "operate", hmgwire.KindUpdate: "update", hmgwire.KindDestroy: "destroy",
		hmgwire.KindCredit: "credit", hmgwire.KindCancel: "cancel", hmgwire.KindPing: "ping", hmgwire.KindHeal: "heal", hmgwire.KindLibrary: "library",
		hmgwire.KindWrap: "wrap", hmgwire.KindUnwrap: "unwrap", hmgwire.KindDerive: "derive", hmgwire.KindReduce: "reduce",
		hmgwire.KindAnswer: "answer", hmgwire.KindRefusal: "refusal", hmgwire.KindObjects: "objects", hmgwire.KindGoodbye: "goodbye",
	} {
		want("kinds", fmt.Sprintf("| 0x%02x | %s |", uint8(kind), name))
	}
	for _, k := range fault.Kinds() {
		want("refusals", "`"+string(k)+"`")
	}
	for _, r := range fault.Reasons() {
		want("reasons", "`"+string(r)+"`")
	}
	for i, n := range keys.Ops(1<<16 - 1).Names() {
		want("permitted operations", fmt.Sprintf("%d %s", i, n))
	}
	for _, h := range operations.Hashes() {
		want("digests", "`"+string(h)+"`")
	}
	want("refusals", "| 7 | uint | *after*")
	want("version", fmt.Sprintf("Version %d.", hmgwire.Version))
	want("limits", "9 to 2,097,152; at most 65,536")
	if hmgwire.MaxFrame != 2097152 || hmgwire.MaxFirstFrame != 65536 || hmgwire.MaxChunk != 64 || hmgwire.MaxWindow != 64 || hmgwire.MaxText != 1024 {
		t.Error("the limits have changed: change the document, and this test")
	}
}
