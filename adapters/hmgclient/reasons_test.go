package hmgclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// TestReasons meets every way in which a connection does not work (G3.4).
func TestReasons(t *testing.T) {
	t.Parallel()
	refusing := func(err error) func(*world, *hmgclient.Config) {
		return func(w *world, _ *hmgclient.Config) {
			w.open = func(context.Context, uint, secret.Value) (token.Token, error) { return nil, err }
		}
	}
	settings := func(change func(*world, *tls.Config)) func(*world, *hmgclient.Config) {
		return func(w *world, cfg *hmgclient.Config) {
			cfg.TLS = cfg.TLS.Clone()
			change(w, cfg.TLS)
		}
	}
	insteadOf := func(serve func(net.Conn)) func(*world, *hmgclient.Config) {
		return func(w *world, cfg *hmgclient.Config) {
			cfg.Address, cfg.DialTimeout = listen(w.tb, serve), 2*time.Second
		}
	}
	unavailable := func(r fault.Reason) error { return fault.New(fault.Unavailable, "no").Because(r) }
	for _, c := range []struct {
		name   string
		change func(*world, *hmgclient.Config)
		want   fault.Reason
	}{
		{"nobody listens", func(w *world, _ *hmgclient.Config) { w.stop() }, fault.Refused},
		{"no such name", func(_ *world, cfg *hmgclient.Config) { cfg.Address = "gateway.invalid:4442" }, fault.Unreachable},
		{"accepts and is silent", insteadOf(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), fault.TimedOut},
		{"accepts and closes", insteadOf(func(net.Conn) {}), fault.Refused},
		{"speaks no TLS", insteadOf(func(c net.Conn) {
			_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
			_, _ = io.Copy(io.Discard, c)
		}), fault.TLSRefused},
		{"certificate not trusted", settings(func(_ *world, c *tls.Config) { c.RootCAs = x509.NewCertPool() }), fault.TLSRefused},
		{"certificate of another host", settings(func(_ *world, c *tls.Config) { c.ServerName = "another.example" }), fault.TLSRefused},
		{"no client certificate", settings(func(_ *world, c *tls.Config) { c.Certificates = nil }), fault.TLSRefused},
		{"no client certificate, TLS 1.2", settings(func(_ *world, c *tls.Config) {
			c.Certificates, c.MaxVersion = nil, tls.VersionTLS12
		}), fault.TLSRefused},
		{"foreign client certificate", settings(func(w *world, c *tls.Config) {
			c.Certificates = newPKI(w.tb).client.Certificates
		}), fault.TLSRefused},
		{"speaks HTTP", overTLS("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), fault.Incompatible},
		{"speaks another version", overTLS(string(frame(hmgwire.KindAnswer, hmgwire.Hello{Magic: hmgwire.Magic, Versions: []uint{9}}))), fault.Incompatible},
		{"refuses this version", overTLS(string(frame(hmgwire.KindRefusal, hmgwire.NewRefusal(unavailable(fault.Incompatible))))), fault.Incompatible},
		{"wrong slot", refusing(unavailable(fault.WrongSlot)), fault.WrongSlot},
		{"PIN incorrect", refusing(unavailable(fault.PINIncorrect)), fault.PINIncorrect},
		{"PIN locked", refusing(unavailable(fault.PINLocked)), fault.PINLocked},
		{"HSM down", refusing(unavailable(fault.TokenFailed)), fault.TokenFailed},
		{"no PIN", func(_ *world, cfg *hmgclient.Config) { cfg.PIN = secret.Value{} }, fault.PINMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cfg := w.config()
			c.change(w, &cfg)
			tok, err := hmgclient.Dial(t.Context(), cfg)
			if err == nil {
				closed(t, tok)
				t.Fatal("got a token")
			}
			if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != c.want {
				t.Errorf("got %q: %v, want %q", fault.ReasonOf(err), err, c.want)
			}
			if fault.Message(err) == "" {
				t.Error("there is no message for the caller")
			}
		})
	}
}

// listen does something with each connection.
func listen(tb testing.TB, serve func(net.Conn)) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// overTLS is a server that says something over TLS and then listens.
func overTLS(text string) func(*world, *hmgclient.Config) {
	return func(w *world, cfg *hmgclient.Config) {
		cfg.Address = listen(w.tb, func(c net.Conn) {
			s := tls.Server(c, w.pki.server)
			_, _ = io.WriteString(s, text)
			_, _ = io.Copy(io.Discard, s)
		})
	}
}
