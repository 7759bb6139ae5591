package main_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/app/report"
)

// ask asks the health port over HTTPS, showing certificates.
func (r *renewing) ask(t *testing.T, path, accept string, show ...tls.Certificate) (int, string) {
	t.Helper()
	settings := r.client.TLS.Clone()
	settings.Certificates = show
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", r.ports[2], path), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", accept)
	answer, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestDetailAndMetrics(t *testing.T) {
	t.Parallel()
	r := newRenewing(t)
	r.start(t)
	tok := r.dial(t)
	made, err := tok.Generate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := tok.Operate(t.Context(), made.Ref(), signing); err != nil {
			t.Fatal(err)
		}
	}
	mine := r.company.client(t, time.Now().Add(time.Hour))
	foreign := newAuthority(t, "another company").client(t, time.Now().Add(time.Hour))
	for _, path := range []string{"/health/detail", "/metrics"} {
		for name, show := range map[string][]tls.Certificate{"none": nil, "another CA's": {foreign}} {
			if status, body := r.ask(t, path, "", show...); status != http.StatusForbidden || strings.Contains(body, "slot") {
				t.Errorf("%s with a certificate that is %s: got %d %q, want 403", path, name, status, body)
			}
		}
	}
	if status, _ := r.ask(t, "/health", "", foreign); status != http.StatusNoContent {
		t.Errorf("/health with a foreign certificate: got %d, want 204: a load balancer may have any", status)
	}

	status, body := r.ask(t, "/health/detail", "application/json", mine)
	var detail report.Report
	if err := json.Unmarshal([]byte(body), &detail); err != nil || status != http.StatusOK {
		t.Fatalf("got %d (%v): %s", status, err, body)
	}
	if len(detail.Slots) != 1 || detail.Slots[0].Slot != r.token.Slot || !detail.Slots[0].Healthy || detail.Slots[0].Clients != 1 ||
		len(detail.Slots[0].Workers) != 2 || len(detail.Certificates) != 2 || detail.Uptime <= 0 {
		t.Errorf("got %s", body)
	}
	_, text := r.ask(t, "/health/detail", "*/*", mine)
	_, metrics := r.ask(t, "/metrics", "", mine)
	for _, want := range []string{
		"gatehouse_hmg_healthy 1",
		fmt.Sprintf(`gatehouse_hmg_call_duration_seconds_count{operation="sign",slot="%d"} 10`, r.token.Slot),
		fmt.Sprintf(`gatehouse_hmg_call_duration_seconds_count{operation="open",slot="%d"} 1`, r.token.Slot),
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	for _, all := range []string{body, text, metrics} {
		if strings.Contains(all, `"`+r.token.PIN+`"`) || strings.Contains(all, "pin=") {
			t.Error("the PIN shows")
		}
	}
	t.Log(text)
}
