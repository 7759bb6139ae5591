package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/cli"
	"gatehouse/core/secret"
)

// desk is somebody at a terminal, and a service that answers as a test says and
// notes what it is asked.
type desk struct {
	world  cli.World
	out    bytes.Buffer
	err    bytes.Buffer
	server *httptest.Server

	mu    sync.Mutex
	asked []string // method, path, body
}

func newDesk(t *testing.T, answers map[string]string) *desk {
	t.Helper()
	d := &desk{}
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what was read is compared
		call := r.Method + " " + r.URL.Path
		d.mu.Lock()
		d.asked = append(d.asked, strings.TrimSpace(call+" "+string(b)))
		d.mu.Unlock()
		answer, ok := answers[call]
		switch {
		case !ok:
			http.Error(w, "no such call", http.StatusNotFound)
		case answer == "":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(d.server.Close)
	d.world = cli.World{Stdin: strings.NewReader(""), Stdout: &d.out, Stderr: &d.err, Home: t.TempDir()}
	d.login(t)
	return d
}

// login puts a session into the file.
func (d *desk) login(t *testing.T) {
	t.Helper()
	text := "app-token=app\nuser-token=user\nend-point=" + d.server.URL + "\n"
	if err := os.WriteFile(filepath.Join(d.world.Home, ".gatehouse-token"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) run(t *testing.T, args ...string) int {
	t.Helper()
	d.out.Reset()
	d.err.Reset()
	return cli.Run(t.Context(), &cli.Grammar{}, args, d.world)
}

func (d *desk) wasAsked(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

const (
	task    = "/sys/v1/approval_requests/7c0c1b6e-52a5-4a31-8b6e-0f6b1d8f2a11"
	taskID  = "7c0c1b6e-52a5-4a31-8b6e-0f6b1d8f2a11"
	pending = `{"request_id":"` + taskID + `","acct_id":"a","method":"POST","operation":"/crypto/v1/wrapkey","requester":{"app":"x"},"status":"%s","created_at":"20261122T000000Z","expiry":"20261222T000000Z"}`
)

// The requests of the cluster master key's flow, as the vendor's tool spells them.
func TestApprovalsAreAskedForAsTheVendorsToolDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]string{"POST /sys/v1/approval_requests": fmt.Sprintf(pending, "PENDING")})
	if code := d.run(t, "wrap-key", "--wrapped-key-name", "cluster-master-key", "--wrapping-key-name", "transfer-key", "--alg", "RSA", "--quorum"); code != 0 {
		t.Fatalf("got %d: %s", code, d.err.String())
	}
	if out := d.out.String(); !strings.Contains(out, "request_id: "+taskID) || !strings.Contains(out, "PENDING") {
		t.Errorf("got %s", out)
	}
	wrapped := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(wrapped, []byte("wrapped"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := d.run(t, "unwrap-key", "--in", wrapped, "--wrapping-kid", taskID, "--alg", "RSA", "--obj-type", "AES", "--name", "cluster-master-key", "--exportable", "--quorum"); code != 0 {
		t.Fatalf("got %d: %s", code, d.err.String())
	}
	d.wasAsked(t,
		`POST /sys/v1/approval_requests {"method":"POST","operation":"/crypto/v1/wrapkey","body":{"subject":{"name":"cluster-master-key"},"key":{"name":"transfer-key"},"alg":"RSA","mode":null,"iv":null,"ad":null,"tag_len":null,"key_format":null,"out":null}}`,
		`POST /sys/v1/approval_requests {"method":"POST","operation":"/crypto/v1/unwrapkey","body":{"key":{"kid":"`+taskID+`"},"wrapped_key":"d3JhcHBlZA==","alg":"RSA","mode":null,"obj_type":"AES","name":"cluster-master-key","description":null,"iv":null,"ad":null,"tag":null,"custom_metadata":null,"key_ops":["ENCRYPT","DECRYPT","WRAPKEY","UNWRAPKEY","DERIVEKEY","APPMANAGEABLE","EXPORT"]}}`,
	)
}

func TestTaskResults(t *testing.T) {
	t.Parallel()
	const marker = "marker-of-a-key!"
	for _, c := range []struct {
		name, status, result string
		out                  string // what the file holds
		code                 int
		printed              string
	}{
		{"pending", "PENDING", "", "", 0, "PENDING"},
		{"denied", "DENIED", "", "", 0, "DENIED"},
		{"wrapped key", "APPROVED", `{"status":200,"body":{"wrapped_key":"d3JhcHBlZA=="}}`, "wrapped", 0, "APPROVED"},
		{"signature", "APPROVED", `{"status":200,"body":{"kid":"k","signature":"c2ln"}}`, "sig", 0, "APPROVED"},
		{"value", "APPROVED", `{"status":200,"body":{"obj_type":"AES","value":"bWFya2VyLW9mLWEta2V5IQ=="}}`, marker, 0, "APPROVED"},
		{"failed", "APPROVED", `{"status":403,"body":"no"}`, "", 1, "answered 403: no"},
	} {
		for _, form := range []string{"", "--json"} {
			t.Run(c.name+form, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, map[string]string{"GET " + task: fmt.Sprintf(pending, c.status), "POST " + task + "/result": c.result})
				file := filepath.Join(t.TempDir(), "out")
				args := []string{"task-result", "--request-id", taskID, "--out", file}
				if form != "" {
					args = append(args, form)
				}
				code := d.run(t, args...)
				got, _ := os.ReadFile(file) // none when there is nothing
				if code != c.code || string(got) != c.out {
					t.Errorf("got %d, file %q, want %d, %q: %s", code, got, c.code, c.out, d.err.String())
				}
				all := d.out.String() + d.err.String()
				if form == "" && !strings.Contains(all, c.printed) || strings.Contains(all, marker) || strings.Contains(all, "bWFya2Vy") {
					t.Errorf("got %s", all)
				}
			})
		}
	}
}

// Progress is drawn on a terminal, and nowhere else.
func TestProgressIsDrawnOnTerminalsOnly(t *testing.T) {
	t.Parallel()
	const group = "7c0c1b6e-52a5-4a31-8b6e-0f6b1d8f2a11"
	lines := `{"progress":{"phase":"reading","done":1}}
{"progress":{"phase":"reading","done":50,"total":100}}
{"progress":{"phase":"recording","done":100,"total":100}}
{"outcome":{"objects":100,"added":[],"changed":0,"missing":0,"unchanged":100,"skipped":0}}
`
	for _, bars := range []bool{false, true} {
		d := newDesk(t, map[string]string{"POST /gatehouse/v1/groups/" + group + "/sync": lines})
		d.world.Bars = bars
		if code := d.run(t, "sync-keys", "--group-id", group); code != 0 {
			t.Fatalf("got %d: %s", code, d.err.String())
		}
		if got := strings.Contains(d.err.String(), "reading"); got != bars {
			t.Errorf("bars %t: got %q", bars, d.err.String())
		}
		if want := "100 objects: 0 new, 0 changed, 0 missing, 100 unchanged, 0 skipped\n"; d.out.String() != want {
			t.Errorf("got %q, want %q", d.out.String(), want)
		}
	}
}

// A person is asked before something is gone, and for what is secret.
func TestPeopleAreAsked(t *testing.T) {
	t.Parallel()
	const kid = "7c0c1b6e-52a5-4a31-8b6e-0f6b1d8f2a11"
	d := newDesk(t, map[string]string{"DELETE /crypto/v1/keys/" + kid: "", "POST /sys/v1/users/change_password": ""})
	answer := "n"
	var asked []string
	d.world.Answer = func(prompt string) (string, error) {
		asked = append(asked, prompt)
		return answer, nil
	}
	if code := d.run(t, "delete-key", "--kid", kid); code != 1 || !strings.Contains(d.err.String(), "[E] nothing was done") {
		t.Errorf("got %d, %s, want nothing done", code, d.err.String())
	}
	d.wasAsked(t)
	answer = "yes"
	if code := d.run(t, "delete-key", "--kid", kid); code != 0 {
		t.Errorf("got %d: %s", code, d.err.String())
	}
	if code := d.run(t, "delete-key", "--kid", kid, "-f"); code != 0 || len(asked) != 2 {
		t.Errorf("got %d, asked %q: %s", code, asked, d.err.String())
	}

	secrets := []string{"present", "next", "another"}
	d.world.Ask = func(string) (secret.Value, error) {
		s := secrets[0]
		secrets = secrets[1:]
		return secret.FromString(s), nil
	}
	if code := d.run(t, "change-password"); code != 1 || !strings.Contains(d.err.String(), "the two new passwords differ") {
		t.Errorf("got %d: %s", code, d.err.String())
	}
	secrets = []string{"present", "next", "next"}
	if code := d.run(t, "change-password"); code != 0 {
		t.Errorf("got %d: %s", code, d.err.String())
	}
	d.wasAsked(t, "DELETE /crypto/v1/keys/"+kid, "DELETE /crypto/v1/keys/"+kid,
		`POST /sys/v1/users/change_password {"current_password":"present","new_password":"next"}`)
}

// Who works is not logged out; the session is extended once a minute.
func TestSessionsAreExtended(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]string{"POST /sys/v1/session/refresh": "", "GET /sys/v1/groups": "[]"})
	ago := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(filepath.Join(d.world.Home, ".gatehouse-token"), ago, ago); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code := d.run(t, "list-groups"); code != 0 {
			t.Fatalf("got %d: %s", code, d.err.String())
		}
	}
	d.wasAsked(t, "POST /sys/v1/session/refresh", "POST /sys/v1/session/refresh", "GET /sys/v1/groups", "GET /sys/v1/groups")
}

// A list shows no value, even if a service tells one that nobody asked for.
func TestListsShowNoSecrets(t *testing.T) {
	t.Parallel()
	list := `[{"kid":"k","acct_id":"a","obj_type":"AES","key_ops":[],"enabled":true,"origin":"FortanixHSM","public_only":false,"creator":{"app":"x"},"created_at":"20261122T000000Z","value":"bWFya2Vy","transient_key":"bWFya2Vy"}]`
	d := newDesk(t, map[string]string{"GET /crypto/v1/keys": list, "GET /sys/v1/groups": "[]"})
	for _, form := range []string{"--all", "--json"} {
		if code := d.run(t, "list-keys", form); code != 0 {
			t.Fatalf("got %d: %s", code, d.err.String())
		}
		if strings.Contains(d.out.String(), "bWFya2Vy") || !strings.Contains(d.out.String(), "k") {
			t.Errorf("got %s", d.out.String())
		}
	}
	var parsed []map[string]any
	if err := json.Unmarshal(d.out.Bytes(), &parsed); err != nil || len(parsed) != 1 {
		t.Errorf("--json: got %v, %v", parsed, err)
	}
}

// A run ends when its context does.
func TestARunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]string{"GET /sys/v1/groups": "[]"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := cli.Run(ctx, &cli.Grammar{}, []string{"list-groups"}, d.world); code != cli.Failed {
		t.Errorf("got %d, want %d", code, cli.Failed)
	}
}
