package ways

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab"
)

// REST uses keys through the service's REST API: those of an HSM group
// through service and gateway, those of an ordinary group in the service.
type REST struct {
	admin, app *dsmclient.Client
	hsmGroup   string
	keys       map[Operation]string // ids
}

// Ordinary is the operation on a key of an ordinary group.
const Ordinary Operation = "AES-256-GCM 1 KiB, ordinary group"

// OpenREST makes, in the lab's service, a group linked to the lab's token, an
// ordinary group, an app in both, and the keys of the operations.
func OpenREST(ctx context.Context, l *lab.Lab) (*REST, error) {
	ca, err := os.ReadFile(l.Service.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the service's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	cfg := dsmclient.Config{Endpoint: l.Service.Endpoint, Roots: roots, User: l.Service.Email, Password: secret.FromString(l.Service.Password)}
	r := &REST{keys: map[Operation]string{}}
	if r.admin, err = dsmclient.New(cfg); err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	ordinary, err := r.groups(ctx, l)
	if err != nil {
		return nil, err
	}
	app, err := r.admin.CreateApp(ctx, dsmwire.AppRequest{Name: ptr("bench"), AddGroups: dsmwire.AppGroups{IDs: []string{r.hsmGroup, ordinary}}})
	if err != nil {
		return nil, err
	}
	apiKey, err := r.admin.AppAPIKey(ctx, app.AppID)
	if err != nil {
		return nil, err
	}
	cfg.User, cfg.Password, cfg.APIKey = "", secret.Value{}, apiKey
	if r.app, err = dsmclient.New(cfg); err != nil {
		return nil, err
	}
	if _, err := r.app.Login(ctx); err != nil {
		return nil, err
	}
	for op, spec := range Specs() {
		if r.keys[op], err = r.generate(ctx, spec.Name, string(spec.Type), spec.Size, string(spec.Curve), r.hsmGroup); err != nil {
			return nil, err
		}
	}
	r.keys[Ordinary], err = r.generate(ctx, "bench-ordinary", "AES", 256, "", ordinary)
	return r, err
}

// enter logs the administrator in and selects the first account.
func (r *REST) enter(ctx context.Context) error {
	if _, err := r.admin.Login(ctx); err != nil {
		return err
	}
	accounts, err := r.admin.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return errors.New("the administrator belongs to no account")
	}
	return r.admin.SelectAccount(ctx, accounts[0].AcctID)
}

func (r *REST) groups(ctx context.Context, l *lab.Lab) (ordinary string, err error) {
	trust, clientKey, err := Trust(l.Gateway)
	if err != nil {
		return "", err
	}
	slot := uint64(l.Token.Slot)
	g, err := r.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: ptr("bench HSM"), AddHmg: []dsmwire.HmgConfig{{
		Kind: "Softhsm", URL: l.Gateway.Address, Slot: &slot, PIN: dsmwire.NewSecretText(secret.FromString(l.Token.PIN)),
		TLS: &dsmwire.TLSConfig{
			Mode: "required", ValidateHostname: ptr(false), CA: &dsmwire.CAConfig{Pinned: trust.Pinned},
			ClientCert: trust.ClientCert, ClientKey: dsmwire.NewSecretBytes(clientKey),
		},
	}}})
	if err != nil {
		return "", err
	}
	r.hsmGroup = g.GroupID
	o, err := r.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: ptr("bench ordinary")})
	return o.GroupID, err
}

func (r *REST) generate(ctx context.Context, name, typ string, size int, curve, group string) (string, error) {
	request := dsmwire.SobjectRequest{Name: &name, ObjType: typ, EllipticCurve: curve, GroupID: &group}
	if curve == "" {
		request.KeySize = ptr(uint32(size))
	}
	k, err := r.app.Generate(ctx, request)
	return k.KID, err
}

func ptr[T any](v T) *T { return &v }

// Do does an operation.
func (r *REST) Do(ctx context.Context, op Operation, input []byte) error {
	key := dsmclient.ByID(r.keys[op])
	var err error
	switch op {
	case EncryptGCM, Ordinary:
		_, err = r.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: &key, Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, Plain: input[:1024]})
	case SignRSA2048:
		_, err = r.app.Sign(ctx, dsmwire.SignRequest{Key: &key, HashAlg: "SHA256", Hash: input[:32], Mode: &dsmwire.Mode{Name: "PKCS1_V15"}})
	default:
		_, err = r.app.Sign(ctx, dsmwire.SignRequest{Key: &key, HashAlg: "SHA256", Hash: input[:32]})
	}
	return err
}

// SignBatch signs n digests in one request.
func (r *REST) SignBatch(ctx context.Context, n int, input []byte) error {
	key := dsmclient.ByID(r.keys[SignP256])
	items := make([]dsmwire.SignRequest, n)
	for i := range items {
		items[i] = dsmwire.SignRequest{Key: &key, HashAlg: "SHA256", Hash: input[:32]}
	}
	results, err := r.app.BatchSign(ctx, items)
	for _, result := range results {
		if err == nil && result.Error != "" {
			err = errors.New(result.Error)
		}
	}
	return err
}

// Sync syncs the HSM group and returns how many keys were new.
func (r *REST) Sync(ctx context.Context) (added int, err error) {
	outcome, err := r.admin.Sync(ctx, r.hsmGroup, nil)
	return len(outcome.Added), err
}

// List returns how many keys a list holds, as the administrator sees it.
func (r *REST) List(ctx context.Context, q dsmclient.KeyQuery) (int, error) {
	found, err := r.admin.Keys(ctx, q)
	return len(found), err
}

// ListAll pages through all keys.
func (r *REST) ListAll(ctx context.Context) (n int, err error) {
	err = r.admin.AllKeys(ctx, dsmclient.KeyQuery{}, func(dsmwire.Sobject) error { n++; return nil })
	return n, err
}
