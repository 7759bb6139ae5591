package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/adapters/cli/redact"
	"gatehouse/adapters/cli/tokenfile"
	"gatehouse/adapters/dsmclient"
	"gatehouse/core/fault"
)

// A role is whose session a verb needs.
type role int

const (
	anybody role = iota
	asUser
	asApp
	either  // the app unless the user is preferred
	manages // the user unless the app is preferred
)

// What keeps a verb from working as somebody.
var (
	errNobody  = errors.New("nobody is logged in")
	errExpired = errors.New("the session has ended")
)

const defaultEndpoint = "https://localhost:8443"

// line is how the service is reached.
type line struct {
	file     tokenfile.File
	endpoint string
	same     bool // the sessions in the file are with this service
	caCert   string
	proxy    string
}

func (t *tool) tokenPath() string {
	if t.flags.TokenFile != "" {
		return t.flags.TokenFile
	}
	return filepath.Join(t.Home, ".gatehouse-token")
}

// reach finds out how to reach the service.
func (t *tool) reach() (line, error) {
	f, err := tokenfile.Read(t.tokenPath())
	if err != nil {
		return line{}, err
	}
	l := line{file: f, endpoint: strings.TrimRight(t.flags.APIEndpoint, "/"), caCert: t.flags.SSLCACert, proxy: t.flags.Proxy}
	if l.endpoint == "" {
		l.endpoint = f.Endpoint
	}
	if l.endpoint == "" {
		l.endpoint = defaultEndpoint
	}
	if l.same = l.endpoint == f.Endpoint; l.same {
		if l.caCert == "" {
			l.caCert = f.CACert
		}
		if l.proxy == "" {
			l.proxy = f.Proxy
		}
	}
	if l.caCert != "" {
		if l.caCert, err = filepath.Abs(l.caCert); err != nil {
			return l, err
		}
	}
	return l, nil
}

// connect returns a client that works as the role asks. A session that the
// service does not know any more shows at the first call.
func (t *tool) connect(ctx context.Context, as role) (*dsmclient.Client, error) {
	l, err := t.reach()
	if err != nil {
		return nil, err
	}
	cfg, err := t.config(l)
	if err != nil || as == anybody {
		return client(cfg, err)
	}
	if err := t.credential(&cfg, l, as); err != nil {
		return nil, err
	}
	if !cfg.Bearer.Empty() {
		t.keepAlive(ctx, cfg, l)
	}
	return client(cfg, nil)
}

func client(cfg dsmclient.Config, err error) (*dsmclient.Client, error) {
	if err != nil {
		return nil, err
	}
	return dsmclient.New(cfg)
}

// credential chooses what to send: never a session of another service.
func (t *tool) credential(cfg *dsmclient.Config, l line, as role) error {
	key, err := t.apiKey()
	if err != nil {
		return err
	}
	f := l.file
	if !l.same {
		f = tokenfile.File{}
	}
	user, app := !f.UserToken.Empty() && as != asApp, as != asUser && (!f.AppToken.Empty() || !key.Empty())
	switch {
	case user && (!app || t.flags.PreferUserAuth || as == manages && !t.flags.PreferAppAuth):
		cfg.Bearer = f.UserToken
	case app && !key.Empty() && (f.AppToken.Empty() || t.explicit["api-key"] || t.flags.APIKeyFile != ""):
		cfg.APIKey = key
	case app:
		cfg.Bearer = f.AppToken
	case !l.same && !l.file.Empty():
		return fault.Wrap(fault.Unauthenticated, errNobody, "the session in %s is with %s, and is not shown to %s", t.tokenPath(), l.file.Endpoint, l.endpoint)
	case as == asUser:
		return fault.Wrap(fault.Unauthenticated, errNobody, "this needs a user")
	case as == asApp:
		return fault.Wrap(fault.Unauthenticated, errNobody, "this needs an app")
	default:
		return errNobody
	}
	return nil
}

// config makes the client's settings but for the credential.
func (t *tool) config(l line) (dsmclient.Config, error) {
	cfg := dsmclient.Config{Endpoint: l.endpoint, Timeout: time.Duration(t.flags.Timeout)}
	security := &tls.Config{MinVersion: tls.VersionTLS12}
	if l.caCert != "" {
		pem, err := os.ReadFile(l.caCert)
		if err != nil {
			return cfg, fault.New(fault.Invalid, "--ssl-ca-cert: %s", err)
		}
		security.RootCAs = x509.NewCertPool()
		if !security.RootCAs.AppendCertsFromPEM(pem) {
			return cfg, fault.New(fault.Invalid, "--ssl-ca-cert: %s holds no certificate in PEM", l.caCert)
		}
	}
	if l.same && l.file.CertPath != "" {
		pair, err := tls.LoadX509KeyPair(l.file.CertPath, l.file.KeyPath)
		if err != nil {
			return cfg, fault.New(fault.Invalid, "the certificate of the app's login: %s", err)
		}
		security.Certificates = []tls.Certificate{pair}
	}
	if t.flags.NoVerifySSL {
		t.warn("THE SERVICE'S CERTIFICATE IS NOT VERIFIED (--no-verify-ssl): whoever is on the way can read and change passwords, keys and data.")
		security.InsecureSkipVerify = true // asked for, and shouted about
	}
	proxy := http.ProxyFromEnvironment
	if l.proxy != "" {
		u, err := url.Parse(l.proxy)
		if err != nil || u.Host == "" {
			return cfg, fault.New(fault.Invalid, "--proxy must be of the form http://host:port")
		}
		proxy = http.ProxyURL(u)
	}
	if strings.HasPrefix(l.endpoint, "http://") {
		t.warn("the connection to the service is not encrypted")
	}
	cfg.Transport = &http.Transport{Proxy: proxy, TLSClientConfig: security, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
	if t.flags.DebugHTTP {
		cfg.Transport = redact.Transport{Next: cfg.Transport, To: t.Stderr}
	}
	return cfg, nil
}

// use runs a verb's calls as the role asks.
func (t *tool) use(ctx context.Context, as role, do func(context.Context, *dsmclient.Client) error) error {
	c, err := t.connect(ctx, as)
	if err != nil {
		return err
	}
	defer c.Close()
	err = do(ctx, c)
	if as != anybody && errors.Is(err, fault.Unauthenticated) {
		return fault.Wrap(fault.Unauthenticated, errors.Join(errExpired), "%s", words(err))
	}
	return err
}
