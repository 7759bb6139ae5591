package main_test

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the files in testdata/script against a service in this
// process, over TLS, with a database on disk and a simulated HSM behind a real
// gateway. Each file has an account and a slot of its own. Beside testscript's
// own commands they have these:
//
//	login            logs in as the administrator, in the script's account
//	asapp GROUP,...  makes an app that may do everything there, and logs in as it
//	hsmgroup NAME    makes an HSM group over the script's slot
//	hsmkey LABEL...  puts keys into the HSM as another application would
//	set VAR          sets a variable to what the last command has printed
//	masked A B       compares two files after what changes from run to run is masked;
//	                 UPDATE=DIR in the environment writes what B should be there instead
//	mode FILE MODE   wants a file's permissions
func TestScript(t *testing.T) {
	t.Parallel()
	s := need(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(path)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			name := filepath.Base(env.WorkDir)
			p, err := s.newPlace(context.Background(), env.WorkDir, name, "pin of "+name)
			env.Values["place"] = p
			env.Vars = append(env.Vars, p.env...)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"login": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(ts.Exec("gatehouse-cli", "user-login", "--username", administrator, "--password-file", "password", "--account-name", ts.Getenv("ACCOUNT")))
			},
			"hsmgroup": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(ts.Exec("gatehouse-cli", "create-group", "--name", args[0], "--hsm-kind", "Softhsm", "--hsm-url", ts.Getenv("HSM_URL"),
					"--hsm-slot", ts.Getenv("HSM_SLOT"), "--hsm-ca-cert", "hsm-ca.pem", "--hsm-client-cert", "hsm-client.pem",
					"--hsm-client-key", "hsm-client.key", "--hsm-pin-file", "pin", "--hmg-sync", "on"))
			},
			"asapp": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(ts.Exec("gatehouse-cli", "create-app", "--name", "worker", "--groups", args[0], "--permissions", everything))
				ts.Check(ts.Exec("gatehouse-cli", "get-app-api-key", "--name", "worker", "--out", "worker.key"))
				ts.Check(ts.Exec("gatehouse-cli", "--api-key-file", "worker.key", "app-login"))
			},
			"hsmkey": func(ts *testscript.TestScript, _ bool, args []string) {
				p, ok := ts.Value("place").(place)
				if !ok {
					ts.Fatalf("there is no HSM")
				}
				for _, label := range args {
					ts.Check(p.fill(label))
				}
			},
			"set": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
			},
			"masked": masked,
			"mode": func(ts *testscript.TestScript, _ bool, args []string) {
				info, err := os.Stat(ts.MkAbs(args[0]))
				ts.Check(err)
				if got := info.Mode().Perm().String(); got != args[1] {
					ts.Fatalf("%s has the mode %s, want %s", args[0], got, args[1])
				}
			},
		},
	})
}

// everything is what an app can be permitted.
const everything = "SIGN,VERIFY,ENCRYPT,DECRYPT,WRAPKEY,UNWRAPKEY,DERIVEKEY,AGREEKEY,MACGENERATE,MACVERIFY,ENCAPSULATE,DECAPSULATE,EXPORT,MANAGE"

// volatile is what differs from run to run; masks are as long, so that columns
// stay where they are.
var volatile = []struct {
	find *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID-UUID-UUID-UUID-UUID-UUID-UUID-U"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "YYYY-MM-DD HH:MM:SS UTC"},
	{regexp.MustCompile(`20\d{6}T\d{6}Z`), "YYYYMMDDTHHMMSSZ"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{5}`), "GATEWAY:ADDRESS"},
	{regexp.MustCompile(`(GATEWAY:ADDRESS +)\d+ *`), "${1}N     "},
	{regexp.MustCompile(`((?m:^)slot: +|slot )\d+`), "${1}N"},
	{regexp.MustCompile(`(?m)^(CKA_ID: +|.* )[0-9a-f]{32}$`), "${1}CKA-ID"},
	{regexp.MustCompile(`(?m)^(kcv: +)[0-9a-fA-F]{6}$`), "${1}KCV"},
	{regexp.MustCompile(`(?m)(serial: +).+`), "${1}SERIAL"},
	{regexp.MustCompile(`script-[a-z_]+`), "ACCOUNT"},
}

func masked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: masked FILE WANT")
	}
	got := ts.ReadFile(args[0])
	for _, v := range volatile {
		got = v.find.ReplaceAllString(got, v.mask)
	}
	if dir := os.Getenv("UPDATE"); dir != "" {
		ts.Check(os.WriteFile(filepath.Join(dir, ts.Name()+"."+args[1]), []byte(got), 0o600))
		return
	}
	if diff := cmp.Diff(ts.ReadFile(args[1]), got); diff != "" {
		ts.Fatalf("%s differs from %s (-want +got):\n%s", args[0], args[1], diff)
	}
}

func rootsIn(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " holds no certificate")
	}
	return pool, nil
}
