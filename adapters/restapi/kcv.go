package restapi

import (
	"context"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

func errGenerateValue() error {
	return fault.New(fault.Invalid, "value is for imports; this call generates a key")
}

// kcv answers with the key check value that was recorded when the key was made
// or found; none is computed, because that would be a use of the key.
func (s *server) kcv(ctx context.Context, c *call[dsmwire.KCVRequest]) (dsmwire.KCVResponse, error) {
	d, err := descriptor(&c.Body.SobjectDescriptor)
	if err != nil {
		return dsmwire.KCVResponse{}, err
	}
	switch c.Body.Method {
	case "", "Encrypt":
	case "Cmac":
		return dsmwire.KCVResponse{}, notYet("the CMAC check value")
	default:
		return dsmwire.KCVResponse{}, fault.New(fault.Invalid, "kcv_method is not one that the API knows")
	}
	k, err := s.Keyring.Find(ctx, c.Caller, d)
	if err != nil {
		return dsmwire.KCVResponse{}, err
	}
	if k.KCV == "" {
		return dsmwire.KCVResponse{}, fault.New(fault.Unsupported, "no key check value is known of this key")
	}
	return dsmwire.KCVResponse{KID: string(k.ID), KCV: k.KCV}, nil
}
