package dsmtoken

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
)

// stopped carries what ended an inventory through the client.
type stopped struct{ error }

// Inventory yields every key that the app may know of.
func (t *Token) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	done, err := t.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	each := func(s dsmwire.Sobject) error {
		for _, o := range objects(&s) {
			if err := yield(o); err != nil {
				return stopped{err}
			}
			if ctx.Err() != nil {
				return stopped{ended(ctx)}
			}
		}
		return nil
	}
	if f.ID == nil {
		err = t.client.AllKeys(ctx, dsmclient.KeyQuery{ShowAll: true}, each)
	} else {
		err = t.withID(ctx, f.ID, each)
	}
	var s stopped
	if errors.As(err, &s) {
		return s.error
	}
	return translate(ctx, asking, err)
}

// withID calls each with the keys of a CKA_ID. Its errors are the client's, and each's.
func (t *Token) withID(ctx context.Context, id []byte, each func(dsmwire.Sobject) error) error {
	if len(id) == 0 {
		return nil // there is none without
	}
	err := t.client.AllKeys(ctx, dsmclient.KeyQuery{
		Metadata: map[string]string{idMetadata: hex.EncodeToString(id)}, ShowAll: true,
	}, func(s dsmwire.Sobject) error {
		if !bytes.Equal(ckaID(&s), id) {
			return nil // a service that does not know this filter
		}
		return each(s)
	})
	kid := kidOf(id)
	if err != nil || kid == "" {
		return err
	}
	s, err := t.client.Key(ctx, dsmclient.ByID(kid))
	switch {
	case errors.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(ckaID(&s), id): // it was given another one
		return nil
	default:
		return each(s)
	}
}
