package tlsconf_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/tlsconf"
)

// alive is a server's TLS settings that follow two files, and a clock that is
// turned by hand.
type alive struct {
	*tlsconf.Live

	t        *testing.T
	cert, ca string
	log      bytes.Buffer
	now      time.Time
	changes  int
}

func newAlive(t *testing.T, cert, ca []byte) *alive {
	t.Helper()
	dir := t.TempDir()
	a := &alive{t: t, cert: filepath.Join(dir, "cert.pem"), ca: filepath.Join(dir, "ca.pem"), now: time.Now()}
	a.put(a.cert, cert)
	a.put(a.ca, ca)
	live, err := tlsconf.NewLive(tlsconf.LiveConfig{
		Load:  func() (tlsconf.Loaded, error) { return tlsconf.Server(files(a.cert, "", a.ca)) },
		Files: func() []string { return []string{a.cert, a.ca} },
		Now:   func() time.Time { return a.now },
		Log:   slog.New(slog.NewTextHandler(&a.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Live = live
	return a
}

func (a *alive) put(path string, content []byte) {
	a.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// look lets the files be looked at n times.
func (a *alive) look(n int) {
	for range n {
		if a.Look(false) {
			a.changes++
		}
	}
}

// shown returns the name in the certificate that a new connection sees.
func (a *alive) shown() string {
	a.t.Helper()
	c, err := a.Config(nil).GetConfigForClient(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		a.t.Fatal(err)
	}
	return leaf.Subject.CommonName
}

func (a *alive) lines(text string) int { return strings.Count(a.log.String(), text) }

// whole is a certificate with its key.
func whole(t *testing.T, i issued) []byte {
	t.Helper()
	cert, key := i.pem(t)
	return append(cert, key...)
}

func caPEM(t *testing.T, i issued) []byte {
	t.Helper()
	cert, _ := i.pem(t)
	return cert
}

func TestLiveFollowsItsFiles(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	first, second := whole(t, ca.issue(t, certOptions{cn: "first"})), whole(t, ca.issue(t, certOptions{cn: "second"}))
	t.Run("a changed certificate is served", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		a.look(2)
		if got := a.shown(); got != "first" {
			t.Errorf("got %q before any change, want first", got)
		}
		a.put(a.cert, second)
		a.look(2)
		if got := a.shown(); got != "second" || a.changes != 1 {
			t.Errorf("got %q after %d changes, want second after 1", got, a.changes)
		}
	})
	t.Run("a listener's settings follow too, as adapted", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		settings := a.Config(func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert })
		before, err := settings.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		a.put(a.cert, second)
		a.look(2)
		after, err := settings.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		if before == after || after.ClientAuth != tls.RequestClientCert || after.MinVersion != tls.VersionTLS12 {
			t.Errorf("got the old settings, or not the adapted ones: %v, %x", after.ClientAuth, after.MinVersion)
		}
	})
	t.Run("a signal does not wait for a second look", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		a.put(a.cert, second)
		if !a.Look(true) {
			t.Error("got no change, want one")
		}
		if got := a.shown(); got != "second" {
			t.Errorf("got %q, want second", got)
		}
	})
	t.Run("a broken file leaves the old certificate and one line", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		a.put(a.cert, second[:len(second)/2])
		a.look(10)
		if got := a.shown(); got != "first" || a.changes != 0 {
			t.Errorf("got %q after %d changes, want first after none", got, a.changes)
		}
		if n := a.lines("cannot be used"); n != 1 || a.lines("CERT_FILE") == 0 {
			t.Errorf("got %d lines, want one that names CERT_FILE:\n%s", n, &a.log)
		}
		a.put(a.cert, second)
		a.look(2)
		if got := a.shown(); got != "second" {
			t.Errorf("when the file is good again: got %q, want second", got)
		}
	})
	t.Run("a missing file leaves the old certificate", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		if err := os.Remove(a.cert); err != nil {
			t.Fatal(err)
		}
		a.look(10)
		if got, n := a.shown(), a.lines("cannot be used"); got != "first" || n != 1 {
			t.Errorf("got %q and %d lines, want first and one", got, n)
		}
	})
	t.Run("a file that is being written is not read", func(t *testing.T) {
		t.Parallel()
		a := newAlive(t, first, caPEM(t, ca))
		for i := range 6 { // each look finds it longer
			a.put(a.cert, second[:len(second)*(i+1)/7])
			a.look(1)
		}
		a.put(a.cert, second)
		a.look(2)
		if n := a.lines("cannot be used"); n != 0 || a.shown() != "second" {
			t.Errorf("got %d errors, want none:\n%s", n, &a.log)
		}
	})
}

func TestFollow(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	a := newAlive(t, whole(t, ca.issue(t, certOptions{cn: "first"})), caPEM(t, ca))
	ctx, stop := context.WithCancel(t.Context())
	tick, hangup, changes, ended := make(chan time.Time), make(chan os.Signal), make(chan struct{}, 9), make(chan struct{})
	go func() {
		defer close(ended)
		a.Follow(ctx, tick, hangup, func() { changes <- struct{}{} })
	}()
	a.put(a.cert, whole(t, ca.issue(t, certOptions{cn: "second"})))
	hangup <- os.Interrupt
	<-changes
	a.put(a.cert, whole(t, ca.issue(t, certOptions{cn: "third"})))
	tick <- a.now
	tick <- a.now
	<-changes
	stop()
	<-ended
	if got := a.shown(); got != "third" {
		t.Errorf("got %q, want third", got)
	}
}

func TestLiveWarnsOfTheEnd(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA") // ends in an hour
	a := newAlive(t, whole(t, ca.issue(t, certOptions{cn: "gateway"})), caPEM(t, ca))
	if got := a.lines("expires soon"); got != 2 {
		t.Errorf("at the start: got %d warnings, want one each for certificate and CA:\n%s", got, &a.log)
	}
	a.look(10)
	if got := a.lines("expires soon"); got != 2 {
		t.Errorf("on the same day: got %d warnings, want no further ones", got)
	}
	a.now = a.now.Add(25 * time.Hour)
	a.look(3)
	if got := a.lines("has expired"); got != 2 {
		t.Errorf("on the next day: got %d errors, want 2:\n%s", got, &a.log)
	}
	if dates := a.Dates(); len(dates) != 2 || dates[0].Setting != "CERT_FILE" || dates[1].Setting != "CA_FILE" {
		t.Errorf("got the dates %v, want the certificate's and the CA's", dates)
	}
}

func TestVouch(t *testing.T) {
	t.Parallel()
	ca, other := authority(t, "CA"), authority(t, "another CA")
	client := func(by issued, o certOptions) tls.ConnectionState {
		if o.usage == 0 {
			o.usage = x509.ExtKeyUsageClientAuth
		}
		return tls.ConnectionState{PeerCertificates: []*x509.Certificate{by.issue(t, o).cert}}
	}
	a := newAlive(t, whole(t, ca.issue(t, certOptions{cn: "gateway"})), caPEM(t, ca))
	for _, c := range []struct {
		name  string
		state tls.ConnectionState
		ok    bool
	}{
		{"the CA's", client(ca, certOptions{cn: "client"}), true},
		{"another CA's", client(other, certOptions{cn: "client"}), false},
		{"expired", client(ca, certOptions{cn: "client", expired: true}), false},
		{"for servers only", client(ca, certOptions{cn: "client", usage: x509.ExtKeyUsageServerAuth}), false},
		{"none", tls.ConnectionState{}, false},
	} {
		if err := a.Vouch(c.state); (err == nil) != c.ok {
			t.Errorf("a certificate that is %s: got %v, want it to be vouched for: %t", c.name, err, c.ok)
		}
	}
	a.put(a.ca, caPEM(t, other))
	a.look(2)
	if a.Vouch(client(ca, certOptions{cn: "client"})) == nil || a.Vouch(client(other, certOptions{cn: "client"})) != nil {
		t.Error("after the CA was replaced, the old one still vouches, or the new one does not")
	}
}

// TestVersions: TLS 1.2 at least, 1.3 where both can.
func TestVersions(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	a := newAlive(t, whole(t, ca.issue(t, certOptions{cn: "gateway"})), caPEM(t, ca))
	mine := ca.issue(t, certOptions{cn: "client", usage: x509.ExtKeyUsageClientAuth})
	for _, c := range []struct {
		name     string
		min, max uint16
		want     uint16 // 0: refused
	}{
		{"what both can", 0, 0, tls.VersionTLS13},
		{"1.2 at most", 0, tls.VersionTLS12, tls.VersionTLS12},
		{"1.1 at most", tls.VersionTLS10, tls.VersionTLS11, 0},
		{"1.0 at most", tls.VersionTLS10, tls.VersionTLS10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got uint16
			err := shake(t, &tls.Config{
				MinVersion: c.min, MaxVersion: c.max, RootCAs: ca.pool(), InsecureSkipVerify: true, Certificates: []tls.Certificate{mine.pair()},
				VerifyConnection: func(s tls.ConnectionState) error { got = s.Version; return nil },
			}, a.Config(nil))
			if (err == nil) != (c.want != 0) || err == nil && got != c.want {
				t.Errorf("got version %x (%v), want %x", got, err, c.want)
			}
		})
	}
}
