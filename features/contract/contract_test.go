package contract_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/features/contract"
)

var published = sync.OnceValues(func() (*contract.Contract, error) {
	path, err := contract.Find(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	return contract.Load(path)
})

// load reads the published document; where it is not, the test is left out.
func load(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := published()
	if errors.Is(err, contract.ErrNoDocument) {
		t.Skip("left out:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.Fresh()
}

func TestRepliesAreHeldAgainstTheDocument(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-4333-8444-555555555555"
	const group = `{"acct_id":"` + id + `","client_configurations":{},"created_at":"20261121T213000Z",` +
		`"creator":"system","group_id":"` + id + `","name":"payments","hmg":{"` + id + `":{"kind":"KIND","url":"h:4442",` +
		`"tls":{"mode":"required","validate_hostname":true,"ca":{"ca_set":"global_roots"}},"slot":1}}}`
	ok := func(body string) string { return strings.ReplaceAll(body, "KIND", "Safenet") }
	const asJSON, asText = "application/json", "text/plain; charset=utf-8"
	for name, c := range map[string]struct {
		method, path string
		status       int
		content      string
		body         string
		want         string // part of the violation; empty: none
	}{
		"a reply as declared":             {"GET", "/sys/v1/version", 200, asJSON, `{"version":"1.0.0","api_version":"v1","server_mode":"Software"}`, ""},
		"a field is missing":              {"GET", "/sys/v1/version", 200, asJSON, `{"version":"1.0.0"}`, "api_version"},
		"a value is not in the enum":      {"GET", "/sys/v1/version", 200, asJSON, `{"version":"1","api_version":"v1","server_mode":"Cloud"}`, "server_mode"},
		"a body where none is declared":   {"GET", "/sys/v1/health", 204, asJSON, `{}`, "no body"},
		"a status that is not declared":   {"GET", "/sys/v1/health", 200, "", ``, "status"},
		"an unknown call":                 {"GET", "/sys/v1/nothing", 200, asJSON, `{}`, "no such call"},
		"a call of our own":               {"GET", "/gatehouse/v1/nothing", 200, asJSON, `{}`, ""},
		"a refusal in plain text":         {"GET", "/sys/v1/groups/" + id, 404, asText, "group does not exist", ""},
		"a refusal in JSON":               {"GET", "/sys/v1/groups/" + id, 404, asJSON, `{}`, "plain text"},
		"a refusal that says nothing":     {"GET", "/sys/v1/groups/" + id, 404, asText, "", "says nothing"},
		"a literal path beats a variable": {"GET", "/sys/v1/users/accounts", 200, asJSON, `{"` + id + `":["ACCOUNTADMINISTRATOR"]}`, ""},
		"a group with an HSM":             {"GET", "/sys/v1/groups/" + id, 200, asJSON, ok(group), ""},
		"a group of our own kind":         {"GET", "/sys/v1/groups/" + id, 200, asJSON, strings.ReplaceAll(group, "KIND", "Softhsm"), ""},
		"a group of nobody's kind":        {"GET", "/sys/v1/groups/" + id, 200, asJSON, strings.ReplaceAll(group, "KIND", "Paperclip"), "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := load(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.content != "" {
					w.Header().Set("Content-Type", c.content)
				}
				w.WriteHeader(c.status)
				if c.status != http.StatusNoContent {
					_, _ = io.WriteString(w, c.body)
				}
			}))
			defer server.Close()
			if c.status == http.StatusNoContent { // net/http would not send it
				contract.Check(c.method, c.path, c.status, http.Header{"Content-Type": {c.content}}, []byte(c.body))
			} else {
				request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				reply, err := contract.Transport(server.Client().Transport).RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				defer reply.Body.Close()
				if body, err := io.ReadAll(reply.Body); err != nil || string(body) != c.body {
					t.Errorf("the body went astray: got %q (%v), want %q", body, err, c.body)
				}
			}
			got := contract.Violations()
			if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
				t.Errorf("got violations %q, want one about %q", got, c.want)
			}
			if len(contract.Checked()) != 1 {
				t.Errorf("got %q checked, want one call", contract.Checked())
			}
		})
	}
}
