package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// Healthy asks the gateway how it is, over HTTP and over HTTPS. It fails when
// they do not agree, or answer something else than 204 or 500.
func (g Gateway) Healthy(ctx context.Context) (bool, error) {
	ca, err := os.ReadFile(g.TLS.CA)
	if err != nil {
		return false, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}} // as a load balancer: without a certificate
	defer transport.CloseIdleConnections()
	secure, err := asked(ctx, &http.Client{Transport: transport}, g.Secure)
	if err != nil {
		return false, err
	}
	plain, err := asked(ctx, http.DefaultClient, g.Health)
	if err == nil && plain != secure {
		err = errors.New("the health check over HTTPS says otherwise than the one over HTTP")
	}
	return plain, err
}

func asked(ctx context.Context, c *http.Client, url string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false, err
	}
	answer, err := c.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusNoContent:
		return true, nil
	case http.StatusInternalServerError:
		return false, nil
	default:
		return false, fmt.Errorf("%s answers %d, neither 204 nor 500", url, answer.StatusCode)
	}
}
