package campaign

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"gatehouse/core/fault"
)

// A Fault is one thing that goes wrong for a while.
type Fault struct {
	Class  string
	Name   string         // unique
	Rules  []string       // of faultp11
	Signal syscall.Signal // sent to worker processes after the rules are in force; 0: none
	All    bool           // sent to all of them, not to one
	Hold   time.Duration  // how long it lasts
}

// The durations of faults. A short one is over before a call that hangs is
// given up, a long one is not.
const (
	blink = 300 * time.Millisecond
	short = 600 * time.Millisecond
	long  = 13 * time.Second // longer than an operation may take
)

// hot are the functions of which every operation consists.
var hot = []string{"C_SignInit", "C_Sign", "C_EncryptInit", "C_Encrypt", "C_DecryptInit", "C_Decrypt"}

// Faults is the table of all faults: generated, so that the count is honest.
// Those of a class stand together.
func Faults() []Fault {
	var t table
	t.sessions()
	t.returns()
	t.logins()
	t.hangs()
	t.crashes()
	t.delays()
	t.handles()
	t.tokens()
	t.applied()
	t.results()
	t.starts()
	t.processes()
	t.mixtures()
	return t.list
}

// allows returns as what a request may fail, beside the errors of an HSM that is
// out of reach: as an internal error on a return value that may as well be the
// request's fault, while the HSM does other work well; as not found when the HSM
// itself finds nothing.
func (f Fault) allows() (kinds []fault.Kind) {
	for text, kind := range map[string]fault.Kind{
		"CKR_GENERAL_ERROR": fault.Internal, "CKR_FUNCTION_FAILED": fault.Internal, "return 0x": fault.Internal,
		"handles confuse": fault.NotFound, "C_FindObjects -> keep 0": fault.NotFound,
	} {
		if strings.Contains(f.Name, text) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

type table struct {
	class string
	list  []Fault
}

// add adds a fault whose name is made of its rules.
func (t *table) add(hold time.Duration, rules ...string) {
	t.list = append(t.list, Fault{Class: t.class, Name: strings.Join(rules, "; "), Rules: rules, Hold: hold})
}

// addStart adds a fault that only a worker meets that starts: one or all are killed.
func (t *table) addStart(all bool, rules ...string) {
	f := Fault{Class: t.class, Rules: rules, Hold: short, Signal: syscall.SIGKILL, All: all}
	f.Name = "kill one; " + strings.Join(rules, "; ")
	if all {
		f.Name = "kill all; " + strings.Join(rules, "; ")
	}
	t.list = append(t.list, f)
}

func (t *table) sessions() {
	t.class = "session lost"
	for _, f := range hot {
		t.add(blink, f+" every 20 -> lose session")
		t.add(blink, f+" nth 10 -> lose sessions")
	}
	t.add(short, "C_Sign -> lose session")
	t.add(short, "C_SignInit process first -> lose sessions")
	t.add(short, "C_* process each every 40 -> lose sessions")
	for _, f := range []string{"C_GenerateKey", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_SetAttributeValue"} {
		t.add(short, f+" -> lose session")
	}
	t.add(blink, "C_SignInit every 10 -> lose sessions", "C_OpenSession times 2 -> return CKR_SESSION_COUNT")
	t.add(blink, "C_SignInit every 10 -> lose sessions", "C_OpenSession times 3 -> return CKR_DEVICE_ERROR")
}

// broken are return values that say that something else than the request is wrong.
var broken = []string{
	"CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED", "CKR_USER_NOT_LOGGED_IN", "CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_DEVICE_MEMORY",
	"CKR_TOKEN_NOT_PRESENT", "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY", "CKR_CRYPTOKI_NOT_INITIALIZED", "0x80000417",
}

func (t *table) returns() {
	t.class = "errors, now and then"
	for _, value := range broken {
		for _, f := range []string{"C_SignInit", "C_Sign", "C_Encrypt"} {
			t.add(blink, f+" every 7 -> return "+value)
		}
	}
	t.class = "errors, always"
	for _, value := range broken {
		t.add(blink, "C_SignInit|C_EncryptInit|C_DecryptInit -> return "+value)
		t.add(blink, "C_Sign|C_Decrypt process first -> return "+value)
	}
	t.class = "errors elsewhere"
	for _, value := range []string{"CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID"} {
		for _, f := range []string{"C_GenerateKey", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_SetAttributeValue", "C_FindObjectsInit|C_FindObjects", "C_GetAttributeValue"} {
			t.add(blink, f+" -> return "+value)
		}
	}
	for _, value := range []string{"CKR_KEY_HANDLE_INVALID", "CKR_OPERATION_ACTIVE", "CKR_OPERATION_NOT_INITIALIZED", "CKR_FUNCTION_CANCELED"} {
		t.add(blink, "C_Sign|C_SignInit every 5 -> return "+value)
	}
}

func (t *table) logins() {
	t.class = "login lost"
	for _, f := range []string{"C_SignInit", "C_Sign", "C_EncryptInit", "C_GenerateKeyPair", "C_FindObjectsInit"} {
		t.add(blink, f+" every 9 -> lose login")
		t.add(blink, f+" nth 3 -> lose login")
	}
	t.add(short, "C_SignInit process each every 5 -> lose login")
	for _, value := range []string{"CKR_DEVICE_ERROR", "CKR_FUNCTION_FAILED", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_HOST_MEMORY"} {
		t.add(short, "C_SignInit every 9 -> lose login", "C_Login times 3 -> return "+value)
	}
}

func (t *table) hangs() {
	t.class = "hang, short"
	for _, f := range append(hot[:len(hot):len(hot)], "C_GenerateKey", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_SetAttributeValue", "C_FindObjectsInit|C_FindObjects") {
		t.add(short, f+" -> hang")
	}
	t.add(short, "C_Sign process first -> hang")
	t.add(2*time.Second, "C_* -> hang")
	t.class = "hang, till it is killed"
	t.add(long, "C_Sign nth 5 -> hang")
	t.add(long, "C_SignInit|C_EncryptInit|C_DecryptInit process first -> hang")
	t.add(long, "C_Sign|C_Encrypt|C_Decrypt -> hang")
}

func (t *table) crashes() {
	t.class = "crash"
	for i, f := range append(hot[:len(hot):len(hot)], "C_GenerateKey", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_SetAttributeValue") {
		t.add(short, f+" nth 2 -> crash "+[]string{"abort", "segv", "kill"}[i%3])
	}
	t.add(short, "C_Sign times 2 -> crash segv")
	t.add(short, "C_Encrypt process each nth 3 -> crash kill")
	t.add(short, "C_SignInit times 3 -> crash exit 1")
	t.add(short, "C_Sign once -> call, crash kill")
	t.addStart(false, "C_Login once -> crash kill")
	t.addStart(false, "C_Initialize once -> crash segv")
	t.addStart(false, "C_OpenSession once -> crash abort")
	t.addStart(true, "C_GetSlotList|C_GetTokenInfo once -> crash kill")
}

func (t *table) delays() {
	t.class = "delay"
	for _, d := range []string{"20ms", "200ms"} {
		for _, f := range []string{"C_Sign", "C_Encrypt", "C_FindObjectsInit", "C_GenerateKeyPair", "C_DestroyObject"} {
			t.add(short, f+" -> delay "+d)
		}
	}
	t.add(2*time.Second, "C_Sign every 4 -> delay 1200ms")
	t.add(short, "C_* -> delay 10ms")
	t.addStart(false, "C_Initialize -> delay 400ms")
	t.addStart(true, "C_Login -> delay 200ms")
}

func (t *table) handles() {
	t.class = "handles"
	t.add(short, "C_SignInit nth 3 -> handles invalid")
	t.add(short, "C_EncryptInit every 30 -> handles invalid")
	t.add(short, "C_SignInit process each nth 3 -> handles invalid")
	t.add(short, "C_SignInit nth 3 -> handles shuffle")
	t.add(short, "C_EncryptInit nth 3 -> handles shuffle")
	t.add(short, "C_DecryptInit nth 3 -> handles shuffle", "C_Sign every 20 -> lose session")
	t.add(short, "C_SignInit nth 3 -> handles confuse")
}

func (t *table) tokens() {
	t.class = "token away"
	for _, f := range []string{"C_Sign", "C_SignInit", "C_Encrypt", "C_DestroyObject", "C_GenerateKeyPair", "C_*"} {
		t.add(short, f+" nth 3 -> token absent")
	}
	t.add(2*time.Second, "C_Sign -> token absent")
	t.add(short, "C_Sign nth 3 -> token gone")
	t.add(short, "C_* nth 20 -> token gone")
	t.add(blink, "C_Sign nth 10 for 50ms -> token absent")
	t.class = "another token"
	t.add(2*time.Second, `C_* -> token as serial=0815`)
	t.add(2*time.Second, `C_* -> token as label="another one" serial=0815`)
	t.add(2*time.Second, `C_SignInit nth 5 -> token as serial=0815`, "C_Sign every 50 -> lose sessions")
	t.addStart(false, `C_* -> token as serial=0815`)
	t.addStart(true, `C_* -> token as label="another one"`)
}

func (t *table) applied() {
	t.class = "done, but reported failed"
	for _, f := range []string{"C_GenerateKey", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_SetAttributeValue"} {
		for _, value := range []string{"CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_HOST_MEMORY"} {
			t.add(short, f+" -> call, return "+value)
		}
		t.add(short, f+" once -> call, crash kill")
	}
	for _, f := range []string{"C_Sign", "C_Encrypt", "C_Decrypt"} {
		t.add(blink, f+" every 3 -> call, return CKR_DEVICE_ERROR")
		t.add(blink, f+" -> call, return CKR_FUNCTION_FAILED")
	}
}

func (t *table) results() {
	t.class = "short results"
	for _, rule := range []string{
		"C_Sign every 3 -> truncate 4", "C_Sign every 3 -> keep 0", "C_Encrypt every 3 -> truncate 1", "C_Encrypt every 3 -> keep 0", "C_Decrypt every 3 -> truncate 1",
		"C_Sign every 3 -> size -1", "C_Encrypt every 3 -> size =0", "C_Decrypt every 3 -> size +7",
		"C_FindObjects -> keep 1", "C_FindObjects -> keep 0", "C_GetAttributeValue every 3 -> size -1", "C_GetAttributeValue every 3 -> truncate 1",
	} {
		rules := []string{rule}
		if strings.HasPrefix(rule, "C_FindObjects") || strings.HasPrefix(rule, "C_GetAttributeValue") {
			rules = append(rules, "C_SignInit every 30 -> handles invalid") // so that keys are looked for
		}
		t.add(blink, rules...)
	}
}

func (t *table) starts() {
	t.class = "failing start"
	for _, rule := range []string{
		"C_Initialize times 3 -> return CKR_DEVICE_ERROR", "C_Initialize times 2 -> return CKR_GENERAL_ERROR", "C_Initialize times 3 -> return CKR_HOST_MEMORY",
		"C_Initialize -> return CKR_FUNCTION_FAILED",
		"C_Login times 3 -> return CKR_DEVICE_ERROR", "C_Login times 2 -> return CKR_FUNCTION_FAILED", "C_Login -> return CKR_SESSION_COUNT", "C_Login times 2 -> return CKR_DEVICE_REMOVED",
		"C_OpenSession times 3 -> return CKR_DEVICE_ERROR", "C_OpenSession -> return CKR_SESSION_COUNT",
		"C_GetSlotList -> slots empty", "C_GetSlotList -> return CKR_DEVICE_ERROR",
		"C_GetTokenInfo -> return CKR_TOKEN_NOT_PRESENT", "C_GetTokenInfo -> return CKR_TOKEN_NOT_RECOGNIZED",
	} {
		t.addStart(true, rule)
	}
	t.addStart(false, "C_Initialize -> hang")
	t.addStart(true, "C_Login -> hang")
	t.addStart(true, "C_OpenSession -> hang")
	t.addStart(true, "C_GetSlotList -> hang")
}

func (t *table) processes() {
	t.class = "worker process"
	for _, s := range []struct {
		name   string
		signal syscall.Signal
	}{{"killed", syscall.SIGKILL}, {"stopped", syscall.SIGSTOP}, {"crashed", syscall.SIGSEGV}} {
		for _, all := range []bool{false, true} {
			which := "one"
			if all {
				which = "all"
			}
			hold := short
			if s.signal == syscall.SIGSTOP {
				hold = 4 * time.Second // longer than a worker may be silent: it must be replaced, for nobody lets it go on
			}
			t.list = append(t.list, Fault{Class: t.class, Name: fmt.Sprintf("%s %s", which, s.name), Signal: s.signal, All: all, Hold: hold})
		}
	}
}

func (t *table) mixtures() {
	t.class = "mixture"
	for i, value := range []string{"CKR_DEVICE_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN", "CKR_GENERAL_ERROR", "CKR_CRYPTOKI_NOT_INITIALIZED"} {
		t.add(short, fmt.Sprintf("C_*Sign*|C_*crypt*|C_Find*|C_Get* probability 0.05 seed %d -> return %s", i, value))
	}
	t.add(short, "C_* probability 0.02 seed 7 -> delay 100ms", "C_Sign|C_Encrypt probability 0.05 seed 8 -> lose sessions")
	t.add(short, "C_SignInit every 50 -> crash", "C_Encrypt every 20 -> lose session", "C_Decrypt every 30 -> return CKR_DEVICE_ERROR")
}
