// Package service does tasks by asking Gatehouse over its REST API, as an
// application of one group.
//
// It guarantees that a key is imported into the group once, and that what a task
// makes in the group is deleted again. Of a key in an HSM, whose value nobody is
// told, it proves that it is the right one by using it. The agreement tests use
// it. A Group is safe for concurrent use.
package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/features/agreement/gostd"
	"gatehouse/features/agreement/task"
)

// Group is a group of the service, and an application that may do everything in it.
type Group struct {
	Client *dsmclient.Client
	ID     string
	HSM    bool // the group's keys live in an HSM

	// Judge opens what is wrapped with KEK, an AES key: the only thing that a
	// SECRET in an HSM lets be done with itself.
	Judge task.Party
	KEK   *task.Key

	own gostd.Party // which looks at what the group has made

	mu       sync.Mutex
	imported map[string]dsmwire.Sobject
	names    atomic.Int64
}

var _ task.Party = (*Group)(nil)

func ptr[T any](v T) *T { return &v }

// refused makes of the service's refusals what a Party says.
func refused(err error) error {
	var refusal *dsmclient.Error
	if errors.As(err, &refusal) && refusal.Status < http.StatusInternalServerError || errors.As(err, &refusal) && refusal.Status == http.StatusNotImplemented {
		return fmt.Errorf("%w: %w", task.ErrRefused, err)
	}
	return err
}

func (g *Group) name() *string {
	return ptr(fmt.Sprintf("agreement %s %d", g.ID[:8], g.names.Add(1)))
}

// key returns the group's copy of a key. ECB is for keys alone whose policy names it.
func (g *Group) key(ctx context.Context, k *task.Key, mode string) (dsmwire.Sobject, error) {
	if mode != "ECB" {
		mode = ""
	}
	index := k.Type + mode + string(k.Private)
	g.mu.Lock()
	defer g.mu.Unlock()
	if o, ok := g.imported[index]; ok {
		return o, nil
	}
	r := dsmwire.SobjectRequest{
		Name: g.name(), GroupID: &g.ID, ObjType: k.Type, Value: dsmwire.NewSecretBytes(secret.New(append([]byte(nil), k.Private...))),
		KeyOps: ptr(ops(k)),
	}
	if k.Asymmetric() && string(k.Public) == string(k.Private) { // of somebody else's pair
		r.KeyOps = nil
	}
	if k.Type == "RSA" { // by itself, a key is for OAEP only
		r.RSA = &dsmwire.RSAOptions{EncryptionPolicy: []dsmwire.RSAPolicy{{}}}
	}
	if options := (dsmwire.CipherOptions{CipherMode: mode}); mode != "" && k.Type == "DES3" {
		r.DES3 = &options
	} else if mode != "" {
		r.AES = &options
	}
	o, err := g.Client.Import(ctx, r)
	if err != nil {
		return o, fmt.Errorf("importing %s: %w", k, refused(err))
	}
	if g.imported == nil {
		g.imported = map[string]dsmwire.Sobject{}
	}
	g.imported[index] = o
	return o, nil
}

// ops are all that a key can do.
func ops(k *task.Key) []string {
	return (keys.PossibleOps(keys.Type(k.Type), keys.Curve(k.Curve)) &^ keys.OpHighVolume).Names()
}

// CKAID tells which key of the HSM is the group's copy of k, for a mode.
func (g *Group) CKAID(ctx context.Context, k *task.Key, mode string) ([]byte, error) {
	o, err := g.key(ctx, k, mode)
	if err != nil {
		return nil, err
	}
	if o.External == nil || len(o.External.ID.ID) == 0 {
		return nil, fmt.Errorf("the service tells no CKA_ID of %s", k)
	}
	return o.External.ID.ID, nil
}

// mode is the API's mode of a task.
func mode(t task.Task) *dsmwire.Mode {
	switch t.Mode {
	case "":
		return nil
	case dsmwire.OAEP, dsmwire.PSS:
		return &dsmwire.Mode{Name: t.Mode, Hash: t.Hash}
	default:
		return &dsmwire.Mode{Name: t.Mode}
	}
}

// present makes of no bytes an empty string where JSON would say null.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Make does the first half of a task.
func (g *Group) Make(ctx context.Context, t task.Task) (m task.Made, err error) {
	switch t.Act {
	case task.Encrypt:
		m, err = g.encrypt(ctx, t)
	case task.Sign:
		m, err = g.sign(ctx, t)
	case task.MAC:
		m, err = g.mac(ctx, t)
	case task.Wrap:
		m, err = g.wrap(ctx, t)
	case task.Agree, task.HKDF, task.EncryptData, task.Encapsulate:
		m, err = g.derive(ctx, t)
	default:
		m.Out, err = g.value(ctx, t)
	}
	return m, refused(err)
}

// Check does the second half.
func (g *Group) Check(ctx context.Context, t task.Task, m task.Made) error {
	var err error
	switch t.Act {
	case task.Encrypt:
		var plain []byte
		if plain, err = g.decrypt(ctx, t, m); err == nil {
			return task.Same("the plaintext", plain, t.In)
		}
	case task.Sign:
		err = g.verify(ctx, t, m)
	case task.MAC:
		err = g.verifyMAC(ctx, t, m)
	case task.Wrap:
		err = g.unwrap(ctx, t, m)
	case task.Agree, task.HKDF, task.EncryptData, task.Encapsulate:
		err = g.rederive(ctx, t, m)
	default:
		var out []byte
		if out, err = g.value(ctx, t); err == nil {
			return task.Same(string(t.Act), m.Out, out)
		}
	}
	return refused(err)
}

var errNo = errors.New("the service says no")

func yes(valid bool, err error) error {
	if err == nil && !valid {
		return errNo
	}
	return err
}
