package ways

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/tlsconf"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

// Gateway uses the token through a gateway, as the service does.
type Gateway struct {
	token *hmgclient.Token
	refs  map[Operation]hsm.Ref
}

// Trust returns the TLS settings of a connection to a gateway of the lab, and the
// client key that belongs to them.
func Trust(g lab.Gateway) (groups.TLS, secret.Value, error) {
	ca, err := der(g.TLS.CA)
	if err != nil {
		return groups.TLS{}, secret.Value{}, err
	}
	cert, err := os.ReadFile(g.TLS.ClientCert)
	if err != nil {
		return groups.TLS{}, secret.Value{}, fmt.Errorf("reading the client certificate: %w", err)
	}
	key, err := os.ReadFile(g.TLS.ClientKey)
	if err != nil {
		return groups.TLS{}, secret.Value{}, fmt.Errorf("reading the client key: %w", err)
	}
	return groups.TLS{Mode: groups.TLSRequired, Pinned: [][]byte{ca}, ClientCert: cert}, secret.New(key), nil
}

// der reads the first certificate of a PEM file.
func der(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return cert.Raw, nil
}

// OpenGateway opens the token through a gateway of the lab.
func OpenGateway(ctx context.Context, g lab.Gateway, t softtoken.Token) (*Gateway, error) {
	trust, clientKey, err := Trust(g)
	if err != nil {
		return nil, err
	}
	settings, err := tlsconf.Client(g.Address, trust, clientKey)
	if err != nil {
		return nil, err
	}
	opened, err := hmgclient.Dial(ctx, hmgclient.Config{
		Address: g.Address, TLS: settings, Slot: t.Slot, PIN: secret.FromString(t.PIN), Software: "gatehouse-bench",
	})
	return &Gateway{token: opened, refs: map[Operation]hsm.Ref{}}, err
}

// FindKeys finds the keys of the operations in the inventory.
func (g *Gateway) FindKeys(ctx context.Context) error {
	return g.token.Inventory(ctx, hsm.Filter{}, func(o hsm.Object) error {
		for op, label := range Operations() {
			if string(o.Label) == label && o.Class != hsm.PublicKey {
				g.refs[op] = o.Ref()
			}
		}
		return nil
	})
}

// Do does an operation.
func (g *Gateway) Do(ctx context.Context, op Operation, input []byte) error {
	_, err := g.token.Operate(ctx, g.refs[op], operation(op, input))
	return err
}

func operation(op Operation, input []byte) operations.Operation {
	switch op {
	case SignRSA2048:
		return operations.Sign{Mode: operations.PKCS1v15, Hash: operations.SHA256, Prehashed: true, Input: input[:32]}
	case EncryptGCM:
		return operations.Encrypt{Mode: operations.GCM, Plain: input[:1024]}
	default:
		return operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: input[:32]}
	}
}

// Inventory reads every object through the gateway and returns how many there are.
func (g *Gateway) Inventory(ctx context.Context) (n int, err error) {
	err = g.token.Inventory(ctx, hsm.Filter{}, func(hsm.Object) error { n++; return nil })
	return n, err
}

// Close gives the token up.
func (g *Gateway) Close() error { return g.token.Close() }

// Specs describe the keys of the operations to the service.
func Specs() map[Operation]keys.Spec {
	return map[Operation]keys.Spec{
		SignP256:    {Name: "bench-p256", Type: keys.EC, Curve: keys.P256},
		SignRSA2048: {Name: "bench-rsa2048", Type: keys.RSA, Size: 2048},
		EncryptGCM:  {Name: "bench-aes256", Type: keys.AES, Size: 256},
	}
}
