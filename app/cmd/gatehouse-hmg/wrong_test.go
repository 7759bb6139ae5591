package main_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Exit codes: what an operator has to mend, and what may pass.
const (
	misconfigured = 78
	failed        = 1
)

// TestWrongConfiguration: one line for each wrong setting, which names it, all
// at once.
func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	notALibrary := file("lib.so", "not a library", 0o600)
	badFile := file("config", "CERT_FILE=/x\nnonsense\n", 0o600)
	dated := func(name, from, to string) string {
		t.Helper()
		for _, args := range [][]string{
			{"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".ca", "-subj", "/CN=CA", "-days", "2"},
			{"req", "-new", "-key", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name},
			{"ca", "-batch", "-config", name + ".cnf", "-startdate", from, "-enddate", to, "-in", name + ".csr", "-out", name + ".crt", "-notext"},
		} {
			if args[0] == "ca" {
				file(name+".cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase="+name+".db\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nprivate_key="+
					name+".key\ncertificate="+name+".ca\n[p]\ncommonName=supplied\n", 0o600)
				file(name+".db", "", 0o600)
			}
			cmd := exec.Command("openssl", args...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("openssl %s: %v: %s", args[0], err, out)
			}
		}
		both := ""
		for _, part := range []string{".crt", ".key"} {
			text, err := os.ReadFile(filepath.Join(dir, name+part))
			if err != nil {
				t.Fatal(err)
			}
			both += string(text)
		}
		return file(name+".pem", both, 0o600)
	}
	expired, early := dated("expired", "20200101000000Z", "20200201000000Z"), dated("early", "20990101000000Z", "20990201000000Z")
	keyOnly := file("only.pem", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", 0o600)
	aLibrary := libc(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	_, busyPort, _ := net.SplitHostPort(busy.Addr().String())
	portsAlone := []string{
		"HMG_LISTEN_PORT=" + strconv.Itoa(s.ports[0]), "HMG_HEALTH_PORT=" + strconv.Itoa(s.ports[1]), "HMG_HEALTH_TLS_PORT=" + strconv.Itoa(s.ports[2]),
	}
	with := func(set ...string) []string { return append(append([]string{}, s.env...), set...) }
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		want []string // a line that begins so, each
	}{
		{"nothing set but ports", portsAlone, nil, misconfigured, []string{"CERT_FILE is not set", "PKCS11_LIB_PATH is not set"}},
		{"no certificate", with("CERT_FILE=/no/such/file"), nil, misconfigured, []string{"CERT_FILE: cannot read /no/such/file: no such file"}},
		{"wrong password", with("CERT_PASSWORD_FILE=", "CERT_PASSWORD=wrong"), nil, misconfigured, []string{"CERT_PASSWORD_FILE: it is not the password of "}},
		{"no password", with("CERT_PASSWORD_FILE="), nil, misconfigured, []string{"CERT_FILE: "}},
		{"no password file", with("CERT_PASSWORD_FILE=/no/such/file"), nil, misconfigured, []string{"CERT_PASSWORD_FILE: cannot read /no/such/file"}},
		{"two passwords", with("CERT_PASSWORD=word"), nil, misconfigured, []string{"CERT_PASSWORD and CERT_PASSWORD_FILE are both set"}},
		{"a certificate that is none", with("CERT_FILE=" + notALibrary), nil, misconfigured, []string{"CERT_FILE: " + notALibrary}},
		{"an expired certificate", with("CERT_FILE="+expired, "CERT_PASSWORD_FILE="), nil, misconfigured, []string{"CERT_FILE: the certificate in " + expired + " expired on 2020-02-01 00:00 UTC"}},
		{"a certificate of the future", with("CERT_FILE="+early, "CERT_PASSWORD_FILE="), nil, misconfigured, []string{"CERT_FILE: the certificate in " + early + " is not valid before 2099-01-01"}},
		{"no CA", with("CA_FILE=/no/such/file"), nil, misconfigured, []string{"CA_FILE: cannot read /no/such/file"}},
		{"CA that is none", with("CA_FILE=" + notALibrary), nil, misconfigured, []string{"CA_FILE: " + notALibrary}},
		{"a CA file without certificate", with("CA_FILE=" + keyOnly), nil, misconfigured, []string{"CA_FILE: " + keyOnly}},
		{"an expired CA", with("CA_FILE=" + expired), nil, misconfigured, []string{"CA_FILE: every certificate in " + expired + " has expired, the last on 2020-02-01"}},
		{"no library set", with("PKCS11_LIB_PATH="), nil, misconfigured, []string{"PKCS11_LIB_PATH is not set"}},
		{"no such library", with("PKCS11_LIB_PATH=/no/such/lib.so"), nil, misconfigured, []string{"PKCS11_LIB_PATH: /no/such/lib.so is not a file"}},
		{"a folder for a library", with("PKCS11_LIB_PATH=/"), nil, misconfigured, []string{"PKCS11_LIB_PATH: / is not a file"}},
		{"a library that is none", with("PKCS11_LIB_PATH=" + notALibrary), nil, misconfigured, []string{"PKCS11_LIB_PATH: the PKCS#11 library cannot be loaded: "}},
		{"a library that is no PKCS#11", with("PKCS11_LIB_PATH=" + aLibrary), nil, misconfigured, []string{"PKCS11_LIB_PATH: the PKCS#11 library cannot be loaded: "}},
		{"a port that is none", with("HMG_LISTEN_PORT=70000"), nil, misconfigured, []string{"HMG_LISTEN_PORT: "}},
		{"no port", with("HMG_LISTEN_PORT=0"), nil, misconfigured, []string{"HMG_LISTEN_PORT is 0"}},
		{"one port for two", with("HMG_HEALTH_PORT=" + strconv.Itoa(s.ports[0])), nil, misconfigured, []string{"HMG_LISTEN_PORT and HMG_HEALTH_PORT are the same port"}},
		{"a port in use", with("HMG_LISTEN_PORT=" + busyPort), nil, failed, []string{"HMG_LISTEN_PORT: port " + busyPort + ": address already in use"}},
		{"an address of another machine", with("HMG_LISTEN_ADDRESS=192.0.2.1"), nil, misconfigured, []string{"HMG_LISTEN_ADDRESS: this machine has no address 192.0.2.1"}},
		{"an address that is none", with("HMG_LISTEN_ADDRESS=here"), nil, misconfigured, []string{"HMG_LISTEN_ADDRESS is not an IP address"}},
		{"a log level that is none", with("HMG_LOG_LEVEL=loud"), nil, misconfigured, []string{"HMG_LOG_LEVEL: must be one of debug, info, warn, error"}},
		{"fewer workers than none", with("PKCS11_WORKERS=-1"), nil, misconfigured, []string{"PKCS11_WORKERS must be 0 to 64"}},
		{"workers past counting", with("PKCS11_WORKERS=65"), nil, misconfigured, []string{"PKCS11_WORKERS must be 0 to 64"}},
		{"a queue shorter than none", with("HMG_QUEUE=-1"), nil, misconfigured, []string{"HMG_QUEUE must not be negative"}},
		{"a wait that is over before it begins", with("HMG_QUEUE_TIME=-1s"), nil, misconfigured, []string{"HMG_QUEUE_TIME must not be negative"}},
		{"an end that is past", with("HMG_DRAIN=-1s"), nil, misconfigured, []string{"HMG_DRAIN must not be negative"}},
		{"looks at files backwards in time", with("HMG_RELOAD_EVERY=-1s"), nil, misconfigured, []string{"HMG_RELOAD_EVERY must not be negative"}},
		{
			"limits that config check finds",
			with("PKCS11_WORKERS=-1", "HMG_QUEUE=-1", "HMG_QUEUE_TIME=-1s", "HMG_DRAIN=-1s", "HMG_RELOAD_EVERY=-1s"),
			[]string{"config", "check"},
			misconfigured,
			[]string{"PKCS11_WORKERS ", "HMG_QUEUE ", "HMG_QUEUE_TIME ", "HMG_DRAIN ", "HMG_RELOAD_EVERY "},
		},
		{
			"times of the doctor", s.env,
			[]string{"doctor", "--measure=-1s", "--patience=0s"},
			misconfigured,
			[]string{"--measure must not be negative", "--patience must be longer than nothing"},
		},
		{"an unknown flag", s.env, []string{"--no-such-flag"}, misconfigured, []string{"unknown flag --no-such-flag"}},
		{"no such configuration file", s.env, []string{"--config-file", "/no/such/file"}, misconfigured, []string{"the configuration file cannot be read"}},
		{"a bad configuration file", portsAlone, []string{"--config-file", badFile}, misconfigured, []string{badFile + ", line 2 is not KEY=VALUE"}},
		{
			"everything",
			with("CERT_PASSWORD_FILE=/no/such/file", "CA_FILE="+keyOnly, "PKCS11_LIB_PATH="+notALibrary, "HMG_LISTEN_PORT="+busyPort, "HMG_HEALTH_PORT=x", "HMG_LOG_LEVEL=loud", "PKCS11_SESSIONS=0"),
			nil, misconfigured,
			[]string{"HMG_LOG_LEVEL: ", "HMG_HEALTH_PORT: ", "CERT_PASSWORD_FILE: ", "CA_FILE: ", "HMG_LISTEN_PORT: port " + busyPort, "PKCS11_SESSIONS "},
		},
		{
			"library and port",
			with("PKCS11_LIB_PATH="+notALibrary, "HMG_LISTEN_PORT="+busyPort), nil, misconfigured,
			[]string{"PKCS11_LIB_PATH: ", "HMG_LISTEN_PORT: port " + busyPort},
		},
	} {
		t.Run(c.name, func(t *testing.T) { // one after the other: all look whether the site's ports are free
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := command(t, c.env, c.args...)
			stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
			defer stop()
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code {
				t.Errorf("got %v, want exit code %d", err, c.code)
			}
			var lines []string // without what is logged
			for line := range strings.Lines(string(out)) {
				if told, ok := strings.CutPrefix(line, "gatehouse-hmg: "); ok {
					lines = append(lines, told)
				} else if !strings.HasPrefix(line, "time=") {
					t.Errorf("got a line that says not whose it is: %s", line)
				}
			}
			if len(lines) != len(c.want) {
				t.Errorf("got %d lines, want %d:\n%s", len(lines), len(c.want), out)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
					t.Errorf("got no line that begins with %q:\n%s", want, out)
				}
			}
			if strings.Contains(string(out), "word\n") {
				t.Errorf("the password shows: %s", out)
			}
		})
	}
}

// libc is a library of functions that are none of PKCS#11's.
func libc(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/lib/*/libm.so.6")
	if err != nil || len(found) == 0 {
		t.Fatalf("no libm: %v", err)
	}
	return found[0]
}
