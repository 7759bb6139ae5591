package restapi

import (
	"context"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
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
	k, err := s.Keyring.Find(ctx, c.Caller, d)
	if err != nil {
		return dsmwire.KCVResponse{}, err
	}
	value, err := kcvOf(k, c.Body.Method)
	if err != nil {
		return dsmwire.KCVResponse{}, err
	}
	return dsmwire.KCVResponse{KID: string(k.ID), KCV: value}, nil
}

// kcvOf returns k's check value by a method of the API.
func kcvOf(k keys.Key, method string) (string, error) {
	value := ""
	switch method {
	case "", "Encrypt":
		value = k.KCV
	case "Cmac":
		value = k.KCVCMAC
	default:
		return "", fault.New(fault.Invalid, "kcv_method is not one that the API knows")
	}
	if value == "" {
		return "", fault.New(fault.Unsupported, "no key check value is known of this key")
	}
	return value, nil
}

// expectedKCV reads the check value that a new key is to have; it tells its
// method by its length, six digits or ten.
func expectedKCV(kcv, method string) (string, error) {
	switch method {
	case "", "Encrypt", "Cmac":
	default:
		return "", fault.New(fault.Invalid, "kcv_method is not one that the API knows")
	}
	if want := map[string]int{"": len(kcv), "Encrypt": 6, "Cmac": 10}[method]; kcv != "" && len(kcv) != want {
		return "", fault.New(fault.Invalid, "kcv has not the length of its method's")
	}
	return kcv, nil
}

// verifyKCV compares a check value with the one of material that the caller has.
func (s *server) verifyKCV(ctx context.Context, c *call[dsmwire.VerifyKCVRequest]) (dsmwire.VerifyKCVResponse, error) {
	var none dsmwire.VerifyKCVResponse
	if c.Body.KCV == "" {
		return none, missing("kcv")
	}
	d, err := descriptor(&dsmwire.SobjectDescriptor{Inline: &dsmwire.InlineDescriptor{Value: c.Body.Value, ObjType: c.Body.ObjType}})
	if err != nil {
		return none, err
	}
	k, err := s.Keyring.Find(ctx, c.Caller, d)
	if err != nil {
		return none, err
	}
	value, err := kcvOf(k, c.Body.Method)
	if err != nil {
		return none, err
	}
	return dsmwire.VerifyKCVResponse{Verified: strings.EqualFold(value, c.Body.KCV)}, nil
}
