package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// desk is somebody at the command line, of whom all output is kept.
type desk struct {
	dir  string
	env  []string
	path string
	out  bytes.Buffer
}

// run runs the program with everything shown that can be shown, and returns
// whether it was done.
func (d *desk) run(t *testing.T, stdin string, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), d.path, append([]string{"--debug-http", "--debug-errors"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = d.dir, d.env, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	d.out.WriteString("$ " + strings.Join(args, " ") + "\n")
	d.out.Write(out)
	return err == nil
}

// done is run of what must succeed.
func (d *desk) done(t *testing.T, args ...string) {
	t.Helper()
	if !d.run(t, "", args...) {
		t.Fatalf("%s failed:\n%s", args[0], d.out.String())
	}
}

// forms are the ways in which a secret may show.
func forms(s string) map[string]string {
	return map[string]string{
		"plain": s, "hex": hex.EncodeToString([]byte(s)), "base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "="),
	}
}

// A marker in the place of every secret is in no output, whatever is shown and
// whatever goes wrong; and what is written into files is their owner's alone.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	s := need(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	const pin = "marker-of-the-pin"
	d := &desk{dir: t.TempDir(), path: path}
	p, err := s.newPlace(t.Context(), d.dir, "secrets", pin)
	if err != nil {
		t.Fatal(err)
	}
	d.env = p.env
	const material = "marker-of-an-aes-key-of-256-bits" // 32 bytes
	for name, text := range map[string]string{
		"aes.bin": material, "aes.hex": hex.EncodeToString([]byte(material)), "secret.txt": "marker-of-a-secret", "plain.txt": "marker-of-a-plaintext",
		"new.txt": "marker-of-a-new-password", "wrong.txt": "marker-of-a-wrong-password",
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secrets := map[string]string{
		"PIN": pin, "password": s.password, "key": material, "secret": "marker-of-a-secret", "plaintext": "marker-of-a-plaintext",
		"new password": "marker-of-a-new-password", "wrong password": "marker-of-a-wrong-password",
	}

	d.run(t, "", "user-login", "--username", administrator, "--password-file", "wrong.txt")
	d.run(t, "", "user-login", "--username", administrator, "--password", "marker-of-a-wrong-password")
	d.run(t, "", "user-login", "marker-of-a-wrong-password")
	d.run(t, "", "app-login", "marker-of-a-wrong-password")
	if !d.run(t, s.password, "user-login", "--username", administrator, "--password-file", "-", "--account-name", "secrets") {
		t.Fatalf("login:\n%s", d.out.String())
	}
	connection := []string{
		"--hsm-kind", "Softhsm", "--hsm-url", s.gateway.Address, "--hsm-slot", variable(p.env, "HSM_SLOT"), "--hsm-ca-cert", "hsm-ca.pem",
		"--hsm-client-cert", "hsm-client.pem", "--hsm-client-key", "hsm-client.key", "--hsm-pin-file", "pin",
	}
	d.done(t, append([]string{"create-group", "--name", "hsm"}, connection...)...)
	d.done(t, append([]string{"test-connection"}, connection...)...)
	d.run(t, "", "test-connection", "--group-id", "hsm", "--hsm-pin-file", "wrong.txt")
	for _, form := range [][]string{{"show-group", "--name", "hsm"}, {"connections", "--name", "hsm"}, {"list-groups"}} {
		d.done(t, form...)
		d.done(t, append(form, "--json")...)
	}
	d.done(t, "create-group", "--name", "ordinary")
	d.done(t, "create-app", "--name", "app", "--groups", "ordinary,hsm", "--permissions", everything)
	d.done(t, "get-app-api-key", "--name", "app", "--out", "app.key")
	d.done(t, "--api-key-file", "app.key", "app-login")
	for _, args := range [][]string{
		{"import-key", "--in", "aes.hex", "--obj-type", "AES", "--name", "imported", "--exportable"},
		{"import-key", "--in", "aes.bin", "--der", "--obj-type", "AES", "--name", "imported-2", "--exportable"},
		{"import-secret", "--in", "secret.txt", "--name", "secret"},
		{"create-key", "--obj-type", "RSA", "--key-size", "2048", "--name", "rsa", "--exportable"},
		{"show-sobject", "--name", "imported", "--json"},
		{"list-objects", "--json"},
		{"update-object", "--name", "imported", "--description", "x", "--json"},
		{"encrypt", "--name", "imported", "--mode", "GCM", "--in", "plain.txt", "--out", "c"},
		{"decrypt", "--name", "imported", "--mode", "GCM", "--in", "c", "--out", "p"},
		{"export-object", "--name", "secret", "--out", "exported"},
		{"export-object", "--name", "rsa", "--out", "exported.pem"},
		{"create-user", "--username", "user@secrets.example", "--password-file", "new.txt", "--json"},
		{"list-users", "--json"},
		{"list-apps", "--json"},
		{"show-app", "--name", "app", "--json"},
		{"sync-keys", "--name", "hsm", "--json"},
	} {
		d.done(t, args...)
	}
	for _, args := range [][]string{ // which are refused
		{"import-key", "--in", "aes.hex", "--obj-type", "AES", "--name", "imported"},
		{"import-key", "--in", "secret.txt", "--obj-type", "AES", "--name", "bad"},
		{"import-key", "--in", "aes.hex", "--obj-type", "RSA", "--der", "--name", "bad"},
		{"decrypt", "--name", "imported", "--mode", "GCM", "--iv", "00", "--in", "c", "--out", "p"},
		{"change-password", "--password-file", "wrong.txt", "--new-password-file", "new.txt"},
		{"encrypt", "--transient-key", "bWFya2VyLW9mLWEtc2VjcmV0", "--alg", "AES", "--in", "plain.txt", "--out", "c"},
	} {
		if d.run(t, "", args...) {
			t.Errorf("%s was done, want a refusal", strings.Join(args, " "))
		}
	}

	session, err := os.ReadFile(filepath.Join(d.dir, "home", ".gatehouse-token"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(session)) {
		if name, token, _ := strings.Cut(strings.TrimSpace(line), "="); strings.HasSuffix(name, "-token") {
			secrets[name] = token
		}
	}
	key, err := os.ReadFile(filepath.Join(d.dir, "app.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["API key"] = strings.TrimSpace(string(key))
	plain, err := base64.StdEncoding.DecodeString(secrets["API key"])
	if err != nil {
		t.Fatal(err)
	}
	_, secrets["app's secret"], _ = strings.Cut(string(plain), ":")
	if len(secrets) != 11 {
		t.Fatalf("got %d secrets, want 11: %v", len(secrets), len(secrets))
	}
	d.wants(t, secrets)
}

// wants looks for secrets in all that was printed, and at what was written.
func (d *desk) wants(t *testing.T, secrets map[string]string) {
	t.Helper()
	printed := withoutCommands(d.out.String())
	if !strings.Contains(printed, "> Authorization: Bearer [secret]") || !strings.Contains(printed, `"pin":"[secret]"`) {
		t.Errorf("--debug-http shows nothing:\n%s", printed)
	}
	for name, s := range secrets {
		if len(s) < 10 {
			t.Errorf("the %s is too short to be looked for", name)
		}
		for how, text := range forms(s) {
			if strings.Contains(strings.ToLower(printed), strings.ToLower(text)) {
				t.Errorf("the %s is printed (%s)", name, how)
			}
		}
	}
	for _, name := range []string{"exported", "exported.pem", "app.key", "p", "c", filepath.Join("home", ".gatehouse-token")} {
		info, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want the mode 0600", name, info, err)
		}
	}
}

// withoutCommands leaves out what was typed.
func withoutCommands(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "$ ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func variable(env []string, name string) string {
	for _, kv := range env {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v
		}
	}
	return ""
}
