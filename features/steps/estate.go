package steps

import (
	"context"
	"crypto/elliptic"
	"encoding/binary"
	"fmt"
	"strconv"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// foreign is an object that somebody else has put into the HSM.
type foreign struct {
	hsm.Object

	material []byte
}

func estateSteps() []Step {
	return []Step{
		{Given, `^the HSM holds the AES key "([^"]*)"$`, on1((*scenario).holdsAES)},
		{Given, `^the HSM holds the AES key "([^"]*)" with the id ([0-9a-f]+)$`, on2((*scenario).holdsAESWithID)},
		{Given, `^the HSM holds an AES key without a label and with the id ([0-9a-f]+)$`, on1((*scenario).holdsUnlabelled)},
		{Given, `^the HSM holds an AES key without a label and without an id$`, on0((*scenario).holdsNameless)},
		{Given, `^the HSM holds the RSA pair "([^"]*)"$`, on1((*scenario).holdsRSA)},
		{Given, `^the HSM holds (?:the|another) RSA pair "([^"]*)" with the id ([0-9a-f]+)$`, on2((*scenario).holdsRSAWithID)},
		{Given, `^the HSM holds a certificate "([^"]*)"$`, on1((*scenario).holdsCertificate)},
		{Given, `^the HSM holds a data object "([^"]*)"$`, on1((*scenario).holdsData)},
		{Given, `^the HSM holds a key "([^"]*)" of an unknown type$`, on1((*scenario).holdsExotic)},
		{Given, `^the HSM holds the lone public key "([^"]*)"$`, on1((*scenario).holdsLonePublic)},
		{Given, `^the HSM holds the lone private key "([^"]*)"$`, on1((*scenario).holdsLonePrivate)},
		{Given, `^the HSM holds (\d+) keys made by somebody else$`, on1((*scenario).holdsMany)},
		{Given, `^somebody deletes the key "([^"]*)" in the HSM$`, on1((*scenario).somebodyDeletes)},
		{Given, `^somebody restores the key "([^"]*)" in the HSM$`, on1((*scenario).somebodyRestores)},
	}
}

// put puts objects into the HSM as somebody else does.
func (s *scenario) put(ctx context.Context, objects ...foreign) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	for _, o := range objects {
		if err := s.hsm.Add(o.Object, secret.New(o.material)); err != nil {
			return fmt.Errorf("putting the %s %q into the HSM: %w", o.Class, o.Label, err)
		}
		s.estate = append(s.estate, o)
	}
	return nil
}

// nextID returns an id that no key of the scenario has.
func (s *scenario) nextID() []byte {
	return binary.BigEndian.AppendUint32(nil, 0xa0000000+uint32(len(s.estate)))
}

func aes(label string, id []byte) foreign {
	return foreign{hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: []byte(label), Ops: usual(keys.AES)}, randomBytes(32)}
}

func (s *scenario) holdsAES(ctx context.Context, label string) error {
	return s.put(ctx, aes(label, s.nextID()))
}

func (s *scenario) holdsAESWithID(ctx context.Context, label, id string) error {
	raw, err := unhex(id)
	if err != nil {
		return err
	}
	return s.put(ctx, aes(label, raw))
}

func (s *scenario) holdsUnlabelled(ctx context.Context, id string) error {
	return s.holdsAESWithID(ctx, "", id)
}

func (s *scenario) holdsNameless(ctx context.Context) error { return s.put(ctx, aes("", nil)) }

func (s *scenario) holdsRSA(ctx context.Context, label string) error {
	return s.putPair(ctx, keys.RSA, label, s.nextID())
}

func (s *scenario) holdsRSAWithID(ctx context.Context, label, id string) error {
	raw, err := unhex(id)
	if err != nil {
		return err
	}
	return s.putPair(ctx, keys.RSA, label, raw)
}

// holdsExotic puts a key of a vendor's own type into the HSM.
func (s *scenario) holdsExotic(ctx context.Context, label string) error {
	const vendorDefined = 0x80000001 // CKK_VENDOR_DEFINED and up
	return s.put(ctx, foreign{hsm.Object{Class: hsm.SecretKey, KeyType: vendorDefined, ID: s.nextID(), Label: []byte(label)}, nil})
}

// newPair makes a pair outside the service: private half, then public half.
func (s *scenario) newPair(t keys.Type, label string, id []byte) ([]foreign, error) {
	made, err := s.newRSA, error(nil)
	if t == keys.EC {
		made = func() (original, error) { return newEC(elliptic.P256()) }
	}
	o, err := made()
	if err != nil {
		return nil, err
	}
	s.originals[label] = o
	half := func(class hsm.Class, ops keys.Ops, material []byte) foreign {
		return foreign{hsm.Object{Class: class, Type: t, ID: id, Label: []byte(label), Ops: usual(t) & ops}, material}
	}
	return []foreign{
		half(hsm.PrivateKey, keys.OpSign|keys.OpDecrypt, o.value),
		half(hsm.PublicKey, keys.OpVerify|keys.OpEncrypt, o.public),
	}, nil
}

func (s *scenario) putPair(ctx context.Context, t keys.Type, label string, id []byte) error {
	halves, err := s.newPair(t, label, id)
	if err != nil {
		return err
	}
	return s.put(ctx, halves...)
}

func (s *scenario) holdsLonePrivate(ctx context.Context, label string) error {
	halves, err := s.newPair(keys.RSA, label, s.nextID())
	if err != nil {
		return err
	}
	return s.put(ctx, halves[0])
}

func (s *scenario) holdsLonePublic(ctx context.Context, label string) error {
	halves, err := s.newPair(keys.RSA, label, s.nextID())
	if err != nil {
		return err
	}
	return s.put(ctx, halves[1])
}

func (s *scenario) holdsCertificate(ctx context.Context, label string) error {
	der, err := newCertificate(label)
	if err != nil {
		return err
	}
	return s.put(ctx, foreign{hsm.Object{Class: hsm.Certificate, ID: s.nextID(), Label: []byte(label)}, der})
}

func (s *scenario) holdsData(ctx context.Context, label string) error {
	return s.put(ctx, foreign{hsm.Object{Class: hsm.Data, Label: []byte(label)}, []byte("not a key")})
}

// holdsMany fills the HSM with an estate: pairs among secret keys.
func (s *scenario) holdsMany(ctx context.Context, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for i := range n {
		label := fmt.Sprintf("estate %03d", i)
		switch i {
		case 1, 4:
			err = s.putPair(ctx, keys.RSA, label, s.nextID())
		case 2, 5, 8:
			err = s.putPair(ctx, keys.EC, label, s.nextID())
		default:
			err = s.put(ctx, aes(label, s.nextID()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// labelled returns what somebody else has put into the HSM under a label.
func (s *scenario) labelled(label string) ([]foreign, error) {
	var found []foreign
	for _, o := range s.estate {
		if string(o.Label) == label {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nobody has put a key %q into the HSM", label)
	}
	return found, nil
}

func (s *scenario) somebodyDeletes(_ context.Context, label string) error {
	found, err := s.labelled(label)
	if err != nil {
		return err
	}
	for _, o := range found {
		n, err := s.hsm.Remove(o.Class, o.ID)
		if err != nil {
			return err
		}
		if err := expect("objects deleted", n, 1); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) somebodyRestores(_ context.Context, label string) error {
	found, err := s.labelled(label)
	for _, o := range found {
		if err == nil {
			err = s.hsm.Add(o.Object, secret.New(o.material))
		}
	}
	return err
}
