package ckr_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/core/healing"
)

var update = flag.Bool("update", false, "write docs/pkcs11-return-values.md anew")

const path = "../../../../docs/pkcs11-return-values.md"

const preface = `# What PKCS#11's return values mean to Gatehouse

Made by ` + "`go test ./adapters/pkcs11/internal/ckr -update`" + ` from the one table in
` + "`adapters/pkcs11/internal/ckr/table.go`" + `: change it there.

Each value has a **class**: who is at fault, or what has to be new for the token to serve again.

| class | who is at fault | what Gatehouse does |
| --- | --- | --- |
| request | what was asked for | refuses it; no other session, login or HSM would do better |
| credential | the PIN | tells so, and never presents this PIN again until the connection is changed |
| capacity | something is used up for now | tells that the HSM is busy; for a new key that it has no room. Not unhealthy |
| session | the session | takes a new one and repeats the call once |
| login | the login | logs in again, once, and repeats the call |
| library | the token, or the library's idea of it | asks the token; where it answers, repeats the call once in a new session; then C_Finalize and C_Initialize |
| worker | the library in this process | starts a new process |
| unclear | the caller on some tokens, the device on others | asks the token; where it answers, repeats the call once in a new session, and then calls it the request's fault, but for a key to be generated or imported, which holds nothing that could be wrong |

Only calls that have not begun to change the token are repeated: operations, searches, checks. One that may have made,
changed or destroyed something is told as failed, and the inventory is looked at.

The columns: **kind** and **reason** are what the caller is told (core/fault). **Health** is what the value, seen once,
says of the token: nothing; *ask* it by a call that is known to be good; or *bad*, it does not serve until a step has
helped. **First step** is where the healing ladder begins: new session and new login are taken inside the call, new
library state and new worker outside it, and only when those did not help. **Session** tells whether the session is as
good as before, or dropped. **Untried** tells that the standard has the value mean that nothing was done, so that even a
call that changes something may be made elsewhere. **Message** is what the caller reads.

What a search, the opening of a session or a login returns can be nobody's request: there every value of the classes
request and unclear is the token's fault ("unavailable", "HSM reports a failure"). What is refused after the token has
accepted key and mechanism is the input's fault, for a ciphertext always with one and the same error, if the token
answers other calls.

A handle that the token calls invalid is looked for again; that a key is not there is told only when a search has not
found it. When the token finds it and refuses its handle again and again, the token is at fault.

Values of 0x80000000 and above are the vendors' own; they, and numbers that no version of the standard has, are unclear.

`

// TestDocument holds docs/pkcs11-return-values.md to the table.
func TestDocument(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("| value | number | since | class | kind | reason | health | first step | session | untried | message |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, v := range append(ckr.Values(), ckr.Of(ckr.VendorDefined)) {
		name, number := v.Name, fmt.Sprintf("0x%03X", v.Code)
		if v.Code == ckr.VendorDefined {
			name, number = "any other", ""
		}
		session, untried, step := "dropped", "", v.Step.String()
		if v.Keeps {
			session = "kept"
		}
		if v.Untried {
			untried = "yes"
		}
		if v.Step == healing.None {
			step = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			name, number, v.Since, v.Class, v.Kind, v.Reason, v.Health, step, session, untried, v.Message)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/pkcs11-return-values.md is not what the table says: go test ./adapters/pkcs11/internal/ckr -update")
	}
}
