// Package ways holds the ways to a key that the benchmarks compare: directly in
// the token's library, through a gateway, and through REST and a gateway. Each
// does the same operation with the same key of the same token.
package ways

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/simulators/softtoken"
)

// Operation is what is measured.
type Operation string

// The operations.
const (
	SignP256    Operation = "sign P-256"
	SignRSA2048 Operation = "sign RSA-2048"
	EncryptGCM  Operation = "AES-256-GCM 1 KiB"
)

// Operations lists them, with the labels of the keys that they use.
func Operations() map[Operation]string {
	return map[Operation]string{SignP256: "bench-p256", SignRSA2048: "bench-rsa2048", EncryptGCM: "bench-aes256"}
}

// Direct uses the token's library in this process, one logged-in session per
// caller and handles found once: as fast as the token goes.
type Direct struct {
	module   *pkcs11.Ctx
	slot     uint
	sessions chan pkcs11.SessionHandle
	handles  map[Operation]pkcs11.ObjectHandle
}

// OpenDirect logs in to the token and finds the keys of the operations.
func OpenDirect(t softtoken.Token, sessions int) (*Direct, error) {
	if err := t.Setenv(); err != nil {
		return nil, err
	}
	d := &Direct{
		module: pkcs11.New(t.Lib), slot: t.Slot,
		sessions: make(chan pkcs11.SessionHandle, sessions), handles: map[Operation]pkcs11.ObjectHandle{},
	}
	if d.module == nil {
		return nil, fmt.Errorf("loading %s", t.Lib)
	}
	if err := d.module.Initialize(); err != nil {
		return nil, fmt.Errorf("initialising %s: %w", t.Lib, err)
	}
	for i := range sessions {
		s, err := d.module.OpenSession(t.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return nil, fmt.Errorf("opening a session: %w", err)
		}
		if i == 0 {
			if err := d.module.Login(s, pkcs11.CKU_USER, t.PIN); err != nil {
				return nil, fmt.Errorf("logging in: %w", err)
			}
		}
		d.sessions <- s
	}
	return d, nil
}

// FindKeys finds the keys of the operations, which must exist by now.
func (d *Direct) FindKeys() error {
	s := <-d.sessions
	defer func() { d.sessions <- s }()
	for op, label := range Operations() {
		class := uint(pkcs11.CKO_PRIVATE_KEY)
		if op == EncryptGCM {
			class = pkcs11.CKO_SECRET_KEY
		}
		template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}
		if err := d.module.FindObjectsInit(s, template); err != nil {
			return err
		}
		found, _, err := d.module.FindObjects(s, 2)
		if err = errors.Join(err, d.module.FindObjectsFinal(s)); err != nil {
			return err
		}
		if len(found) != 1 {
			return fmt.Errorf("found %d keys with label %s, want one", len(found), label)
		}
		d.handles[op] = found[0]
	}
	return nil
}

// Do does an operation on a session of the pool.
func (d *Direct) Do(_ context.Context, op Operation, input []byte) error {
	s := <-d.sessions
	defer func() { d.sessions <- s }()
	var err error
	switch op {
	case SignP256:
		if err = d.module.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, d.handles[op]); err == nil {
			_, err = d.module.Sign(s, input[:32])
		}
	case SignRSA2048:
		if err = d.module.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil)}, d.handles[op]); err == nil {
			_, err = d.module.Sign(s, input[:32])
		}
	case EncryptGCM:
		iv := make([]byte, 12)
		if _, err = rand.Read(iv); err != nil {
			return err
		}
		params := pkcs11.NewGCMParams(iv, nil, 128)
		defer params.Free()
		if err = d.module.EncryptInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, d.handles[op]); err == nil {
			_, err = d.module.Encrypt(s, input[:1024])
		}
	default:
		err = fmt.Errorf("unknown operation %q", op)
	}
	return err
}

// Inventory reads every object of the token with one template per object, and
// returns how many there are: what any sync has to do at least.
func (d *Direct) Inventory() (int, error) {
	s := <-d.sessions
	defer func() { d.sessions <- s }()
	if err := d.module.FindObjectsInit(s, nil); err != nil {
		return 0, err
	}
	var objects []pkcs11.ObjectHandle
	for {
		found, _, err := d.module.FindObjects(s, 1000)
		if err != nil {
			return 0, errors.Join(err, d.module.FindObjectsFinal(s))
		}
		if len(found) == 0 {
			break
		}
		objects = append(objects, found...)
	}
	if err := d.module.FindObjectsFinal(s); err != nil {
		return 0, err
	}
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, nil), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, nil),
		pkcs11.NewAttribute(pkcs11.CKA_ID, nil), pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, nil), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, nil),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, nil), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, nil),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, nil), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, nil),
	}
	for _, o := range objects {
		// not every class has every attribute: the token has read the object all the same
		_, err := d.module.GetAttributeValue(s, o, template)
		if err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)) {
			return 0, fmt.Errorf("reading object: %w", err)
		}
	}
	return len(objects), nil
}

// Fill makes n secret keys of 128 bits in the token, numbered from first on,
// each with an id and a label of its own.
func (d *Direct) Fill(first, n int) error {
	s := <-d.sessions
	defer func() { d.sessions <- s }()
	value := make([]byte, 16)
	for i := first; i < first+n; i++ {
		if _, err := rand.Read(value); err != nil {
			return err
		}
		_, err := d.module.CreateObject(s, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
			pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
			pkcs11.NewAttribute(pkcs11.CKA_ID, fmt.Appendf(nil, "fill-%06d", i)),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, fmt.Sprintf("filler %06d", i)),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, value),
		})
		if err != nil {
			return fmt.Errorf("making object %d: %w", i, err)
		}
	}
	return nil
}

// Close logs out and lets the library go.
func (d *Direct) Close() error {
	err := d.module.CloseAllSessions(d.slot)
	err = errors.Join(err, d.module.Finalize())
	d.module.Destroy()
	return err
}
