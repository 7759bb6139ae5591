package tour

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/simulators/lab/estate"
)

func (t *Tour) lose(ctx context.Context, p Progress) (string, error) {
	k, err := t.virtualKey(estate.Retired)
	if err != nil {
		return "", err
	}
	if err := t.tool.Delete(ctx, hsm.SecretKey, k.External.ID.ID, k.External.ID.Label); err != nil {
		return "", err
	}
	out, err := t.syncGroup(ctx, p)
	if err != nil {
		return "", err
	}
	if out.Missing != 1 || len(out.Added) != 0 {
		return "", fmt.Errorf("the sync reports %d missing and %d new keys, not 1 and 0", out.Missing, len(out.Added))
	}
	now, err := allKeys(ctx, t.admin, t.hsm.GroupID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(now, func(n dsmwire.Sobject) bool { return n.KID == k.KID })
	if i < 0 {
		return "", fmt.Errorf("the virtual key of %q is gone", k.Name)
	}
	if s := now[i].Gatehouse; s == nil || s.MissingSince.IsZero() {
		return "", fmt.Errorf("the virtual key of %q is not marked missing", k.Name)
	}
	_, err = t.app.Encrypt(ctx, dsmwire.EncryptRequest{
		Key: &dsmwire.SobjectDescriptor{KID: k.KID}, Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, Plain: []byte(message),
	})
	if !errors.Is(err, fault.Conflict) { // the API's answer to a key in a state that does not allow it
		return "", fmt.Errorf("the use of a key that is gone is not refused as such: %w", err)
	}
	return fmt.Sprintf("pkcs11-tool deleted %q: the next sync reports 1 missing key,\nkeeps its virtual key, and the service refuses its use:\n%s", k.Name, said(err)), nil
}
