package tour

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/lab/opensc"
)

func (t *Tour) makeToken(ctx context.Context, _ Progress) (string, error) {
	if err := t.lab.MakeToken(ctx); err != nil {
		return "", err
	}
	var err error
	if t.tool, err = opensc.New(t.lab.Token); err != nil {
		return "", err
	}
	m := t.lab.Estate
	return fmt.Sprintf("SoftHSM2 token %q with %d keys that Gatehouse did not make:\n%s;\n%d made with pkcs11-tool, %d through PKCS#11; and %d objects that are no keys to it",
		m.Token, len(m.Keys), census(m), m.MadeWithTool(), len(m.Keys)-m.MadeWithTool(), len(m.Others)), nil
}

// census tells how many keys there are of each type.
func census(m estate.Manifest) string {
	var parts []string
	count := m.Count()
	for _, t := range keys.Types() {
		if n := count[t]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, t))
		}
	}
	return strings.Join(parts, ", ")
}

func (t *Tour) startGateway(ctx context.Context, _ Progress) (string, error) {
	if err := t.lab.StartGateway(ctx); err != nil {
		return "", err
	}
	g := t.lab.Gateway
	return fmt.Sprintf("gatehouse-hmg on %s with mutual TLS;\nGET %s answers 204", g.Address, g.Health), nil
}

func (t *Tour) startService(ctx context.Context, _ Progress) (string, error) {
	if err := t.lab.StartService(ctx); err != nil {
		return "", err
	}
	s := t.lab.Service
	var err error
	if t.admin, err = connect(s, dsmclient.Config{User: s.Email, Password: secret.FromString(s.Password)}); err != nil {
		return "", err
	}
	v, err := t.admin.Version(ctx)
	if err != nil {
		return "", err
	}
	docs, err := t.admin.Raw(ctx, http.MethodGet, "/docs", nil)
	if err != nil {
		return "", err
	}
	if docs.Status != http.StatusOK {
		return "", fmt.Errorf("GET /docs answers %d", docs.Status)
	}
	return fmt.Sprintf("gatehouse %s on %s;\nGET /sys/v1/health answers 204, and /docs describes the API", v.Version, s.Endpoint), nil
}

// connect returns a client of the lab's service, which trusts its certificate alone.
func connect(s lab.Service, cfg dsmclient.Config) (*dsmclient.Client, error) {
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the service's certificate: %w", err)
	}
	cfg.Endpoint, cfg.Roots = s.Endpoint, x509.NewCertPool()
	if !cfg.Roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", s.CA)
	}
	return dsmclient.New(cfg)
}

// allKeys returns all keys of a group.
func allKeys(ctx context.Context, c *dsmclient.Client, group string) ([]dsmwire.Sobject, error) {
	var all []dsmwire.Sobject
	err := c.AllKeys(ctx, dsmclient.KeyQuery{GroupID: group}, func(k dsmwire.Sobject) error {
		all = append(all, k)
		return nil
	})
	return all, err
}

// said returns the service's words in a refusal.
func said(err error) string {
	var refused *dsmclient.Error
	if errors.As(err, &refused) {
		return refused.Message
	}
	return err.Error()
}
