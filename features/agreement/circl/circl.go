// Package circl does the tasks of ML-DSA and ML-KEM with Cloudflare's CIRCL,
// which shares nothing with what the product uses.
//
// It is the only package that imports CIRCL: nothing that is delivered may. The
// agreement tests use it. A Party is safe for concurrent use.
package circl

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
	"github.com/cloudflare/circl/sign"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"

	"gatehouse/features/agreement/task"
)

// Party is CIRCL.
type Party struct{}

var _ task.Party = Party{}

func signing(set string) sign.Scheme {
	switch set {
	case "MlDsa44":
		return mldsa44.Scheme()
	case "MlDsa65":
		return mldsa65.Scheme()
	case "MlDsa87":
		return mldsa87.Scheme()
	default:
		return nil
	}
}

func encapsulating(set string) kem.Scheme {
	switch set {
	case "MlKem768":
		return mlkem768.Scheme()
	case "MlKem1024":
		return mlkem1024.Scheme()
	default:
		return nil
	}
}

// Cannot tells why CIRCL has no part in t; empty when it has.
func Cannot(t task.Task) string {
	if t.Key != nil && t.Key.ParamSet != "" {
		switch t.Act {
		case task.Sign, task.Encapsulate, task.PublicKey, task.Value:
			return ""
		case task.Encrypt, task.MAC, task.Digest, task.Wrap, task.Agree, task.HKDF, task.EncryptData, task.ValueDigest, task.CheckValue:
		}
	}
	return "CIRCL is here for ML-DSA and ML-KEM alone"
}

// seed is what both algorithms' keys grow from: the end of PKCS #8 with the seed
// alone (RFC 9881, 6; RFC 9935, 6).
func seed(k *task.Key, n int) []byte { return k.Private[len(k.Private)-n:] }

// bare takes the key out of a SubjectPublicKeyInfo.
func bare(spki []byte) ([]byte, error) {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	_, err := asn1.Unmarshal(spki, &info)
	return info.Key.Bytes, err
}

// Make does the first half of a task.
func (Party) Make(_ context.Context, t task.Task) (m task.Made, err error) {
	switch {
	case t.Act == task.Sign && t.Key.Type == "MLDSA":
		s := signing(t.Key.ParamSet)
		_, private := s.DeriveKey(seed(t.Key, s.SeedSize()))
		m.Out = s.Sign(private, t.In, &sign.SignatureOpts{Context: string(t.Context)})
	case t.Act == task.Encapsulate:
		s := encapsulating(t.Key.ParamSet)
		public, _ := s.DeriveKeyPair(seed(t.Key, s.SeedSize()))
		m.Out, m.Secret, err = s.Encapsulate(public)
	case t.Act == task.PublicKey:
		m.Out, err = public(t.Key)
	case t.Act == task.Value:
		m.Out = t.Key.Private
	default:
		err = fmt.Errorf("CIRCL does not %s here: %w", t.Act, task.ErrRefused)
	}
	return m, err
}

// Check does the second half.
func (Party) Check(_ context.Context, t task.Task, m task.Made) error {
	switch {
	case t.Act == task.Sign && t.Key.Type == "MLDSA":
		s := signing(t.Key.ParamSet)
		raw, err := bare(t.Key.Public)
		if len(m.Public) > 0 {
			raw, err = bare(m.Public)
		}
		if err != nil {
			return err
		}
		k, err := s.UnmarshalBinaryPublicKey(raw)
		if err != nil {
			return err
		}
		if !s.Verify(k, t.In, m.Out, &sign.SignatureOpts{Context: string(t.Context)}) {
			return errors.New("the signature is not good")
		}
		return nil
	case t.Act == task.Encapsulate:
		s := encapsulating(t.Key.ParamSet)
		_, private := s.DeriveKeyPair(seed(t.Key, s.SeedSize()))
		shared, err := s.Decapsulate(private, m.Out)
		if err != nil {
			return err
		}
		return task.Same("the encapsulated key", m.Secret, shared)
	case t.Act == task.Value:
		return exported(t.Key, m.Out)
	case t.Act == task.PublicKey:
		want, err := public(t.Key)
		if err != nil {
			return err
		}
		got, err := bare(m.Out)
		if err != nil {
			return err
		}
		wanted, err := bare(want)
		if err != nil {
			return err
		}
		return task.Same("the public key", got, wanted)
	default:
		return fmt.Errorf("CIRCL does not %s here: %w", t.Act, task.ErrRefused)
	}
}
