package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/softtoken"
)

// TestScript runs the files in testdata/script. Beside testscript's own commands
// they have these:
//
//	softhsm          makes a SoftHSM2 token, and sets what a gateway needs for it
//	nss              the same with an NSS database
//	faults RULE...   wraps the token's library in one that fails by these rules
//	masked A B       compares two files after what changes from run to run is masked;
//	                 UPDATE=DIR in the environment writes what B should be there instead
//	sameslots A B    wants every line of B, which pkcs11-tool wrote, in A
//
// Both tokens set $SLOT and write the PIN to the file pin.
func TestScript(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(path)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"softhsm": func(ts *testscript.TestScript, _ bool, _ []string) {
				st, err := softtoken.SoftHSM(ts.MkAbs("softhsm"), "production", "1234")
				use(ts, st, err)
			},
			"nss": func(ts *testscript.TestScript, _ bool, _ []string) {
				st, err := softtoken.NSS(ts.MkAbs("nss"), "1234")
				use(ts, st, err)
			},
			"faults":    faults,
			"masked":    masked,
			"sameslots": sameSlots,
		},
		UpdateScripts: false,
	})
}

// use sets the variables of a token.
func use(ts *testscript.TestScript, st softtoken.Token, err error) {
	softtoken.Need(needs{ts}, err)
	for _, kv := range st.Env {
		k, v, _ := strings.Cut(kv, "=")
		ts.Setenv(k, v)
	}
	ts.Setenv("PKCS11_LIB_PATH", st.Lib)
	ts.Setenv("REAL_LIB", st.Lib)
	ts.Setenv("PKCS11_RESERVED", st.Reserved)
	ts.Setenv("SLOT", strconv.FormatUint(uint64(st.Slot), 10))
	ts.Check(os.WriteFile(ts.MkAbs("pin"), []byte(st.PIN+"\n"), 0o600))
}

// faults wraps the library in PKCS11_LIB_PATH, and sets the rules by which it fails.
func faults(ts *testscript.TestScript, neg bool, rules []string) {
	if neg {
		ts.Fatalf("usage: faults RULE...")
	}
	dir, err := os.MkdirTemp(ts.Getenv("WORK"), "faults")
	ts.Check(err)
	in, err := faultp11.Wrap(dir, ts.Getenv("REAL_LIB"))
	ts.Check(err)
	ts.Check(in.Set(rules...))
	ts.Setenv("PKCS11_LIB_PATH", in.Lib)
}

// needs is a softtoken.Test.
type needs struct{ *testscript.TestScript }

func (needs) Helper()                             {}
func (n needs) Fatalf(format string, args ...any) { n.TestScript.Fatalf(format, args...) }

// Skipf ends the script; testscript knows no skip of its own in commands.
func (n needs) Skipf(format string, args ...any) { n.TestScript.Fatalf(format, args...) }

// volatile is what differs from run to run, and from machine to machine.
var volatile = []struct {
	find *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`(?m)^Slot \d+ \(0x([0-9a-f]+)\): SoftHSM slot ID 0x[0-9a-f]+`), "Slot N (0xN): SoftHSM slot ID 0xN"},
	{regexp.MustCompile(`(?m)(serial num +: ).+`), "${1}SERIAL"},
	{regexp.MustCompile(`serial=[^;]*`), "serial=SERIAL"},
	{regexp.MustCompile(`(?m)^Library .*`), "Library PATH"},
	{regexp.MustCompile(`(?m)^( .*\bworks +)[0-9.]+$`), "${1}MS"},
	{regexp.MustCompile(`(?m)^(    \d: )\d+/s`), "${1}RATE/s"},
	{regexp.MustCompile(`(is listed and refused: ).+: (CKR_[A-Z_]+)`), "${1}WORDS: ${2}"},
	{regexp.MustCompile(`(?m)^    PKCS11_[A-Z_]+=.*`), "    SETTING"},
}

func masked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: masked FILE WANT")
	}
	got := ts.ReadFile(args[0])
	for _, v := range volatile {
		got = v.find.ReplaceAllString(got, v.mask)
	}
	if os.Getenv("UPDATE") != "" {
		ts.Check(os.WriteFile(filepath.Join(os.Getenv("UPDATE"), ts.Name()+"."+args[1]), []byte(got), 0o600))
		return
	}
	if diff := cmp.Diff(ts.ReadFile(args[1]), got); diff != "" {
		ts.Fatalf("%s differs from %s (-want +got):\n%s", args[0], args[1], diff)
	}
}

var slotIndex = regexp.MustCompile(`(?m)^Slot \d+ \(`)

// sameSlots wants the lines that pkcs11-tool writes, but for the number of a slot,
// which it counts, and the URI, which only newer ones write.
func sameSlots(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameslots OURS THEIRS")
	}
	lines := func(file string) []string {
		all := strings.Split(strings.TrimSpace(slotIndex.ReplaceAllString(ts.ReadFile(file), "Slot N (")), "\n")
		return slices.DeleteFunc(all, func(line string) bool { return strings.HasPrefix(line, "  uri") })
	}
	ours, theirs := lines(args[0]), lines(args[1])
	if len(theirs) < 5 {
		ts.Fatalf("pkcs11-tool lists nothing: %q", theirs)
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		ts.Fatalf("the list differs from pkcs11-tool's (-theirs +ours):\n%s", diff)
	}
}
