package dsmclient

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Config says which service to talk to, and as whom. At most one credential is
// given: APIKey, or User and Password, or Bearer; none is enough for what anybody may ask.
type Config struct {
	Endpoint string // such as https://keys.example.com:8443

	// Roots are the certificates that the service's must chain to; nil: the
	// system's. Transport, when not nil, is used instead of one made from the
	// fields of this group.
	Roots      *x509.CertPool
	ServerName string            // expected in the certificate; empty: the endpoint's host
	ClientCert []tls.Certificate // shown when the service asks
	TLS        *tls.Config       // when not nil, instead of the three above
	Transport  http.RoundTripper

	APIKey   secret.Value // base64 of app id, colon, secret: what the service calls an API key
	User     string       // e-mail address
	Password secret.Value
	Bearer   secret.Value // token of a session that somebody else opened

	// DeniedMayBeLost takes a 403 for the end of the session, too, once that is a
	// minute old: some services answer so. A session is opened and the call made again.
	DeniedMayBeLost bool
	// Header is sent with every call.
	Header   http.Header
	Timeout  time.Duration // of a call whose context has no deadline; 0: 60 s, except for syncs
	MaxReply int64         // bytes; 0: 64 MiB

	Now func() time.Time // for the age of a session; nil: the system's clock
}

// Client calls one service as one caller.
type Client struct {
	base    *url.URL
	http    *http.Client
	header  http.Header
	timeout time.Duration
	limit   int64
	now     func() time.Time
	denied  bool // a 403 may mean that the session is lost

	credential secret.Value // the Authorization header that a session is opened with; empty: none

	reopening chan struct{} // holds one element while somebody replaces an ended session

	mu      sync.Mutex
	session secret.Value // the Authorization header of the session; empty: none is open
	account string       // the account that was selected in it
	age                  // of the session
}

// New returns a client. It does not call the service yet. Invalid when the
// configuration cannot work.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.Endpoint)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.RawQuery != "" || base.User != nil {
		return nil, fault.New(fault.Invalid, "endpoint must be of the form https://host:port")
	}
	c := &Client{
		base: base, header: cfg.Header, timeout: cfg.Timeout, limit: cfg.MaxReply, now: cfg.Now, denied: cfg.DeniedMayBeLost,
		reopening: make(chan struct{}, 1),
	}
	if c.now == nil {
		c.now = time.Now
	}
	base.Path = strings.TrimRight(base.Path, "/")
	if c.timeout == 0 {
		c.timeout = time.Minute
	}
	if c.limit == 0 {
		c.limit = 64 << 20
	}
	if err := c.authorize(cfg); err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		transport = newTransport(cfg)
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// newTransport returns a transport that keeps many connections to one host.
// HTTP/1.1, because short calls cost less on it than on HTTP/2.
func newTransport(cfg Config) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	settings := cfg.TLS
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots, ServerName: cfg.ServerName, Certificates: cfg.ClientCert}
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     settings,
		Protocols:           &protocols,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		DisableCompression:  true,
	}
}

// authorize turns the credential into the header that carries it.
func (c *Client) authorize(cfg Config) error {
	given := 0
	for _, is := range []bool{!cfg.APIKey.Empty(), cfg.User != "" || !cfg.Password.Empty(), !cfg.Bearer.Empty()} {
		if is {
			given++
		}
	}
	if given > 1 {
		return fault.New(fault.Invalid, "give one credential: an API key, a user and password, or a token")
	}
	switch {
	case !cfg.APIKey.Empty():
		if !oneWord(cfg.APIKey) {
			return fault.New(fault.Invalid, "the API key is none: it must be one word")
		}
		c.credential = header("Basic ", cfg.APIKey)
	case cfg.User != "":
		c.credential = header("Basic ", APIKey(cfg.User, cfg.Password)) // of the same form
	case !cfg.Bearer.Empty():
		c.session = header(bearer, cfg.Bearer)
	}
	return nil
}

// oneWord reports whether s may stand in a header.
func oneWord(s secret.Value) bool {
	for _, c := range s.Reveal(reveal.Permit{}) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

const bearer = "Bearer "

func header(scheme string, s secret.Value) secret.Value {
	return secret.New(append([]byte(scheme), s.Reveal(reveal.Permit{})...))
}

// APIKey returns the API key of an app: what Config.APIKey takes.
func APIKey(appID string, s secret.Value) secret.Value {
	joined := append([]byte(appID+":"), s.Reveal(reveal.Permit{})...)
	return secret.New(base64.StdEncoding.AppendEncode(nil, joined))
}

// Close closes the connections that nobody is using.
func (c *Client) Close() { c.http.CloseIdleConnections() }
