package hmgclient_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/core/fault"
)

// TestWhyACertificateIsNotTrusted: what is wrong with it asks for different
// things to do.
func TestWhyACertificateIsNotTrusted(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*tls.Config){
		"its CA is not one of those": func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
		"for another host":           func(c *tls.Config) { c.ServerName = "another.example" },
		"has expired":                func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(50, 0, 0) } },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			change(cfg.TLS)
			tok, err := hmgclient.Dial(t.Context(), cfg)
			if err == nil {
				closed(t, tok)
				t.Fatal("got a token")
			}
			if got := fault.Message(err); fault.ReasonOf(err) != fault.TLSRefused || !strings.Contains(got, want) {
				t.Errorf("got %q (%s), want TLS refused, and that it %s", got, fault.ReasonOf(err), want)
			}
		})
	}
}
