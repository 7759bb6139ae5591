package tour

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/lab/opensc"
)

// connection is the lab's gateway as an administrator enters it.
func (t *Tour) connection() (dsmwire.HmgConfig, error) {
	g := t.lab.Gateway
	ca, err := os.ReadFile(g.TLS.CA)
	if err != nil {
		return dsmwire.HmgConfig{}, fmt.Errorf("reading the gateway's CA: %w", err)
	}
	block, _ := pem.Decode(ca)
	if block == nil {
		return dsmwire.HmgConfig{}, fmt.Errorf("%s holds no certificate", g.TLS.CA)
	}
	cert, err := os.ReadFile(g.TLS.ClientCert)
	if err != nil {
		return dsmwire.HmgConfig{}, fmt.Errorf("reading the client certificate: %w", err)
	}
	key, err := os.ReadFile(g.TLS.ClientKey)
	if err != nil {
		return dsmwire.HmgConfig{}, fmt.Errorf("reading the client key: %w", err)
	}
	validate, slot := true, uint64(t.lab.Token.Slot)
	return dsmwire.HmgConfig{
		Kind: "Softhsm", URL: g.Address, Slot: &slot, PIN: dsmwire.NewSecretText(secret.FromString(t.lab.Token.PIN)),
		TLS: &dsmwire.TLSConfig{
			Mode: "required", ValidateHostname: &validate, CA: &dsmwire.CAConfig{Pinned: [][]byte{block.Bytes}},
			ClientCert: cert, ClientKey: dsmwire.NewSecretBytes(secret.New(key)),
		},
	}, nil
}

func (t *Tour) makeGroup(ctx context.Context, _ Progress) (string, error) {
	conn, err := t.connection()
	if err != nil {
		return "", err
	}
	name := "HSM " + t.lab.Token.Label
	t.hsm, err = t.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{conn}})
	if err != nil {
		return "", err
	}
	if len(t.hsm.Hmg) != 1 {
		return "", fmt.Errorf("the group has %d connections, not 1", len(t.hsm.Hmg))
	}
	return fmt.Sprintf("%q: slot %d behind %s,\nthe gateway's CA pinned, its name validated", name, t.lab.Token.Slot, conn.URL), nil
}

func (t *Tour) testConnection(ctx context.Context, _ Progress) (string, error) {
	var saved dsmwire.CheckHmgRequest
	for id := range t.hsm.Hmg {
		saved.ID = id // the only one
	}
	if err := t.admin.CheckGroup(ctx, t.hsm.GroupID, saved); err != nil {
		return "", fmt.Errorf("not connected: %w", err)
	}
	token, err := t.admin.CheckToken(ctx, t.hsm.GroupID, saved)
	if err != nil {
		return "", fmt.Errorf("not connected: %w", err)
	}
	if token.Label != t.lab.Token.Label {
		return "", fmt.Errorf("connected to token %q, not %q", token.Label, t.lab.Token.Label)
	}
	nobody, err := t.connection()
	if err != nil {
		return "", err
	}
	nobody.URL = "127.0.0.1:1"
	err = t.admin.CheckConnection(ctx, nobody)
	if !errors.Is(err, fault.Unavailable) {
		return "", fmt.Errorf("a gateway that is not there is not reported as such: %w", err)
	}
	return fmt.Sprintf("Connected to %s token %q, with the PIN as it was saved;\nof a port where nobody listens: %s", token.Manufacturer, token.Label, said(err)), nil
}

func (t *Tour) sync(ctx context.Context, p Progress) (string, error) {
	made := len(t.lab.Estate.Keys)
	out, err := t.syncGroup(ctx, p)
	if err != nil {
		return "", err
	}
	if len(out.Added) != made {
		return "", fmt.Errorf("%d new keys, where %d were made", len(out.Added), made)
	}
	return fmt.Sprintf("%d new keys, of %d objects in the token; %s", len(out.Added), out.Objects, warned(out.Warnings)), nil
}

func warned(ws []dsmwire.ScanWarning) string {
	if len(ws) == 0 {
		return "no warnings"
	}
	s := fmt.Sprintf("%d warnings:", len(ws))
	for _, w := range ws {
		s += "\n- " + w.Message
	}
	return s
}

func (t *Tour) compare(ctx context.Context, _ Progress) (string, error) {
	objects, err := t.tool.List(ctx)
	if err != nil {
		return "", err
	}
	if t.virtual, err = allKeys(ctx, t.admin, t.hsm.GroupID); err != nil {
		return "", err
	}
	listed := opensc.Keys(objects)
	if err := Agree(listed, t.virtual); err != nil {
		return "", err
	}
	return fmt.Sprintf("pkcs11-tool --list-objects shows %d keys, the service %d:\nthe same types, CKA_IDs and CKA_LABELs", len(listed), len(t.virtual)), nil
}

func (t *Tour) find(ctx context.Context, _ Progress) (string, error) {
	label := estate.PartnerPublic
	found, err := t.admin.Keys(ctx, dsmclient.KeyQuery{Label: &label})
	if err != nil {
		return "", err
	}
	if len(found) != 1 || !found[0].PublicOnly {
		return "", fmt.Errorf("%d keys are labelled %q, not the one public key", len(found), label)
	}
	return fmt.Sprintf("%q is one %s key, a public half alone", label, found[0].ObjType), nil
}

func (t *Tour) syncAgain(ctx context.Context, p Progress) (string, error) {
	out, err := t.syncGroup(ctx, p)
	if err != nil {
		return "", err
	}
	if len(out.Added)+out.Changed+out.Missing != 0 || out.Unchanged != len(t.virtual) {
		return "", fmt.Errorf("%d new, %d changed, %d missing, %d unchanged", len(out.Added), out.Changed, out.Missing, out.Unchanged)
	}
	return fmt.Sprintf("0 new keys, %d unchanged", out.Unchanged), nil
}

func (t *Tour) syncGroup(ctx context.Context, p Progress) (dsmwire.SyncOutcome, error) {
	return t.admin.Sync(ctx, t.hsm.GroupID, func(at dsmwire.SyncProgress) { p(at.Phase, at.Done, at.Total) })
}
