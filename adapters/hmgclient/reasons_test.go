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
	refusing := func(err error) func(t *testing.T) hmgclient.Config {
		return func(t *testing.T) hmgclient.Config {
			w := newWorld(t)
			w.open = func(context.Context, uint, secret.Value) (token.Token, error) { return nil, err }
			return w.config()
		}
	}
	unavailable := func(r fault.Reason) error { return fault.New(fault.Unavailable, "no").Because(r) }
	for _, c := range []struct {
		name string
		cfg  func(t *testing.T) hmgclient.Config
		want fault.Reason
	}{
		{"nobody listens", func(t *testing.T) hmgclient.Config {
			w := newWorld(t)
			w.stop()
			return w.config()
		}, fault.Refused},
		{"no such name", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.Address = "gateway.invalid:4442"
			return cfg
		}, fault.Unreachable},
		{"accepts and is silent", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.Address = listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			cfg.DialTimeout = 200 * time.Millisecond
			return cfg
		}, fault.TimedOut},
		{"accepts and closes", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.Address = listen(t, func(net.Conn) {})
			return cfg
		}, fault.Refused},
		{"speaks no TLS", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.Address = listen(t, func(c net.Conn) {
				_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
				_, _ = io.Copy(io.Discard, c)
			})
			return cfg
		}, fault.TLSRefused},
		{"certificate not trusted", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			cfg.TLS.RootCAs = x509.NewCertPool()
			return cfg
		}, fault.TLSRefused},
		{"certificate of another host", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			cfg.TLS.ServerName = "another.example"
			return cfg
		}, fault.TLSRefused},
		{"no client certificate", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			cfg.TLS.Certificates = nil
			return cfg
		}, fault.TLSRefused},
		{"no client certificate, TLS 1.2", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			cfg.TLS.Certificates, cfg.TLS.MaxVersion = nil, tls.VersionTLS12
			return cfg
		}, fault.TLSRefused},
		{"foreign client certificate", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.TLS = cfg.TLS.Clone()
			cfg.TLS.Certificates = newPKI(t).client.Certificates
			return cfg
		}, fault.TLSRefused},
		{"speaks HTTP", overTLS("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), fault.Incompatible},
		{"speaks another version", overTLS(string(frame(hmgwire.KindAnswer, hmgwire.Hello{Magic: hmgwire.Magic, Versions: []uint{9}}))), fault.Incompatible},
		{"refuses this version", overTLS(string(frame(hmgwire.KindRefusal, hmgwire.NewRefusal(unavailable(fault.Incompatible))))), fault.Incompatible},
		{"wrong slot", refusing(unavailable(fault.WrongSlot)), fault.WrongSlot},
		{"PIN incorrect", refusing(unavailable(fault.PINIncorrect)), fault.PINIncorrect},
		{"PIN locked", refusing(unavailable(fault.PINLocked)), fault.PINLocked},
		{"HSM down", refusing(unavailable(fault.TokenFailed)), fault.TokenFailed},
		{"no PIN", func(t *testing.T) hmgclient.Config {
			cfg := newWorld(t).config()
			cfg.PIN = secret.Value{}
			return cfg
		}, fault.PINMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tok, err := hmgclient.Dial(t.Context(), c.cfg(t))
			if err == nil {
				tok.Close()
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
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
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
func overTLS(text string) func(t *testing.T) hmgclient.Config {
	return func(t *testing.T) hmgclient.Config {
		w := newWorld(t)
		cfg := w.config()
		cfg.Address = listen(t, func(c net.Conn) {
			s := tls.Server(c, w.pki.server)
			_, _ = io.WriteString(s, text)
			_, _ = io.Copy(io.Discard, s)
		})
		return cfg
	}
}
