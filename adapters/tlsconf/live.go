package tlsconf

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
)

// LiveConfig is what a Live needs. Load and Files are required.
type LiveConfig struct {
	Load  func() (Loaded, error) // reads the files; one line per error
	Files func() []string        // what Load reads, to notice that it has changed
	Now   func() time.Time
	Log   *slog.Logger
}

// Live is a server's TLS settings that follow their files while it serves. New
// connections get what the files last said that could be used: files that are
// broken, or half written, leave everything as it is. All methods may be called
// at once.
type Live struct {
	cfg     LiveConfig
	current atomic.Pointer[Loaded]

	mu     sync.Mutex // held while files are read
	served string     // what the files held that is served
	seen   string     // what they held when last looked at
	failed string     // what they held that could not be used
	warned time.Time  // of an expiry
}

// NewLive reads the files for the first time.
func NewLive(cfg LiveConfig) (*Live, error) {
	l := &Live{cfg: cfg}
	loaded, err := cfg.Load()
	if err != nil {
		return nil, err
	}
	l.current.Store(&loaded)
	l.served = l.digest()
	l.seen = l.served
	l.warn()
	return l, nil
}

// digest tells what the files hold: their times may lie, and are not asked.
func (l *Live) digest() string {
	h := sha256.New()
	for _, path := range l.cfg.Files() {
		data, err := read(path, "")
		if err != nil {
			data = []byte(err.Error())
		}
		sum := sha256.Sum256(data)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Follow looks at the files at every tick, and at once on a signal, until ctx
// ends. changed, when not nil, is called after each change that took effect.
func (l *Live) Follow(ctx context.Context, tick <-chan time.Time, hangup <-chan os.Signal, changed func()) {
	for {
		var told bool
		select {
		case <-ctx.Done():
			return
		case <-tick:
			told = l.Look(false)
		case <-hangup:
			told = l.Look(true)
		}
		if told && changed != nil {
			changed()
		}
	}
}

// Look looks at the files once and reports whether what is served has changed.
// Unless somebody has asked, files that changed are read when two looks in a
// row have found them the same, so that none is read half written, and files
// that could not be used are not tried again until they change.
func (l *Live) Look(asked bool) bool {
	l.warn()
	now := l.digest()
	l.mu.Lock()
	due := asked || now == l.seen && now != l.served && now != l.failed
	l.seen = now
	l.mu.Unlock()
	return due && l.reload(now, asked)
}

// reload reads the files, of which digest is known. It reports whether that
// changed what is served.
func (l *Live) reload(digest string, asked bool) bool {
	loaded, err := l.cfg.Load()
	if err == nil && (loaded.Config.ClientCAs == nil) != (l.current.Load().Config.ClientCAs == nil) {
		err = errors.New("whether clients need certificates cannot change while the program runs")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = digest
		l.cfg.Log.Error("the TLS files cannot be used: what was read before stays", slog.Any("error", err))
		return false
	}
	changed := digest != l.served
	l.served, l.failed, l.warned = digest, "", time.Time{}
	l.current.Store(&loaded)
	if changed || asked {
		l.cfg.Log.Info("the TLS files have been read", slog.Bool("changed", changed),
			slog.String("subject", loaded.Dates[0].Subject), slog.Time("expires", loaded.Dates[0].NotAfter))
	}
	return changed
}

// Warnings about certificates that end begin warnBefore and come every warnEvery.
const (
	warnBefore = 30 * 24 * time.Hour
	warnEvery  = 24 * time.Hour
)

// warn logs which certificates end soon, or have ended.
func (l *Live) warn() {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.warned.IsZero() && now.Sub(l.warned) < warnEvery {
		return
	}
	for _, d := range l.current.Load().Dates {
		left := d.NotAfter.Sub(now)
		attrs := []any{slog.String("setting", d.Setting), slog.String("subject", d.Subject), slog.Time("expires", d.NotAfter)}
		switch {
		case left <= 0:
			l.cfg.Log.Error("a certificate has expired", attrs...)
		case left < warnBefore:
			l.cfg.Log.Warn("a certificate expires soon", append(attrs, slog.Int("days", int(left/(24*time.Hour))))...)
		default:
			continue
		}
		l.warned = now
	}
}

// Dates returns when the certificates end that are served now, the server's own first.
func (l *Live) Dates() []Expiry { return l.current.Load().Dates }

// Mutual reports whether clients need certificates.
func (l *Live) Mutual() bool { return l.current.Load().Config.ClientCAs != nil }

// Config returns settings for a listener, which hand each new connection the
// present ones. adapt, when not nil, changes a copy of those.
func (l *Live) Config(adapt func(*tls.Config)) *tls.Config {
	type variant struct {
		of *Loaded
		is *tls.Config
	}
	var made atomic.Pointer[variant]
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := l.current.Load()
			v := made.Load()
			if v == nil || v.of != now {
				v = &variant{of: now, is: now.Config.Clone()}
				if adapt != nil {
					adapt(v.is)
				}
				made.Store(v)
			}
			return v.is, nil
		},
	}
}

// Vouch reports why a connection's client is not one that the present client
// CAs vouch for, and nil when it is, or when none are set. A connection that
// was let in before may be asked about again.
func (l *Live) Vouch(s tls.ConnectionState) error {
	roots := l.current.Load().Config.ClientCAs
	if roots == nil {
		return nil
	}
	if len(s.PeerCertificates) == 0 {
		return fault.New(fault.Unauthenticated, "the client shows no certificate")
	}
	others := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: l.cfg.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fault.Wrap(fault.Unauthenticated, err, "the client's certificate is not vouched for")
	}
	return nil
}
