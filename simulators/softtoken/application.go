package softtoken

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Application is another application that uses a token directly: it makes,
// lists and deletes objects without Gatehouse's knowledge. One Module per
// library and process; Applications may be used at once.
type Application struct {
	ctx     *pkcs11.Ctx
	slot    uint
	mu      sync.Mutex
	session pkcs11.SessionHandle
}

// Module is a token library that this process has loaded for Applications.
type Module struct{ ctx *pkcs11.Ctx }

// LoadModule loads and initialises the library of t, whose environment it sets.
func LoadModule(t Token) (*Module, error) {
	if err := t.Setenv(); err != nil {
		return nil, err
	}
	m := &Module{ctx: pkcs11.New(t.Lib)}
	if m.ctx == nil {
		return nil, fmt.Errorf("loading %s", t.Lib)
	}
	if err := m.ctx.Initialize(); err != nil {
		return nil, fmt.Errorf("initialising %s: %w", t.Lib, err)
	}
	return m, nil
}

// Close lets the library go; its Applications must not be used after.
func (m *Module) Close() error {
	err := m.ctx.Finalize()
	m.ctx.Destroy()
	return err
}

// Application logs in to t, a token of the module's library.
func (m *Module) Application(t Token) (*Application, error) {
	a := &Application{ctx: m.ctx, slot: t.Slot}
	var err error
	if a.session, err = m.ctx.OpenSession(t.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	err = m.ctx.Login(a.session, pkcs11.CKU_USER, t.PIN)
	if err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	return a, nil
}

// Add makes an object exactly as described, duplicates and all. Material is
// PKCS#8 for a private key, SubjectPublicKeyInfo for a public one, raw bytes
// otherwise.
func (a *Application) Add(o hsm.Object, material secret.Value) error {
	template, err := template(o, material.Reveal(reveal.Permit{}))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.ctx.CreateObject(a.session, template); err != nil {
		return fmt.Errorf("making a %s: %w", o.Class, err)
	}
	return nil
}

// Remove deletes all objects of a class with this CKA_ID, and returns how many.
func (a *Application) Remove(class hsm.Class, id []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	handles, err := a.find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, classes[class]), pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	for _, h := range handles {
		if err == nil {
			err = a.ctx.DestroyObject(a.session, h)
		}
	}
	return len(handles), err
}

// Objects lists what is in the token: class, CKA_ID, CKA_LABEL, and of keys
// whether they may encrypt and decrypt. What is half made is listed as Unreadable,
// and not read: SoftHSM2 would write its defaults over what another process is
// making.
func (a *Application) Objects() ([]hsm.Object, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	handles, err := a.find()
	if err != nil {
		return nil, err
	}
	found, err := a.find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)) // after the others: what was made in between is whole
	if err != nil {
		return nil, err
	}
	whole := make(map[pkcs11.ObjectHandle]bool, len(found))
	for _, h := range found {
		whole[h] = true
	}
	objects := make([]hsm.Object, 0, len(handles))
	for _, h := range handles {
		if !whole[h] {
			objects = append(objects, hsm.Object{Class: hsm.OtherClass, Unreadable: "it is no object of the token yet"})
			continue
		}
		o, err := a.read(h)
		if errors.Is(err, pkcs11.Error(pkcs11.CKR_BUFFER_TOO_SMALL)) {
			o, err = a.read(h) // somebody has changed it between its size and its value
		}
		if errors.Is(err, pkcs11.Error(pkcs11.CKR_OBJECT_HANDLE_INVALID)) {
			continue // somebody has removed it since it was found
		}
		if errors.Is(err, pkcs11.Error(pkcs11.CKR_ATTRIBUTE_VALUE_INVALID)) || errors.Is(err, pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)) {
			o, err = hsm.Object{Class: hsm.OtherClass, Unreadable: err.Error()}, nil
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (a *Application) read(h pkcs11.ObjectHandle) (o hsm.Object, err error) {
	attributes, err := a.ctx.GetAttributeValue(a.session, h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, nil), pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil),
	})
	if err != nil {
		return o, fmt.Errorf("reading an object: %w", err)
	}
	o.Class = hsm.OtherClass
	for class, number := range classes {
		if string(attributes[0].Value) == string(pkcs11.NewAttribute(pkcs11.CKA_CLASS, number).Value) {
			o.Class = class
		}
	}
	o.Label = attributes[1].Value
	if id, err := a.ctx.GetAttributeValue(a.session, h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, nil)}); err == nil {
		o.ID = id[0].Value
	}
	for attribute, op := range map[uint]keys.Ops{pkcs11.CKA_ENCRYPT: keys.OpEncrypt, pkcs11.CKA_DECRYPT: keys.OpDecrypt} {
		if v, err := a.ctx.GetAttributeValue(a.session, h, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)}); err == nil && len(v[0].Value) == 1 && v[0].Value[0] == 1 {
			o.Ops |= op
		}
	}
	return o, nil
}

func (a *Application) find(template ...*pkcs11.Attribute) (all []pkcs11.ObjectHandle, err error) {
	if err := a.ctx.FindObjectsInit(a.session, template); err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	for {
		found, _, err := a.ctx.FindObjects(a.session, 500)
		if err != nil || len(found) == 0 {
			return all, errors.Join(err, a.ctx.FindObjectsFinal(a.session))
		}
		all = append(all, found...)
	}
}

var classes = map[hsm.Class]uint{
	hsm.SecretKey: pkcs11.CKO_SECRET_KEY, hsm.PrivateKey: pkcs11.CKO_PRIVATE_KEY, hsm.PublicKey: pkcs11.CKO_PUBLIC_KEY,
	hsm.Certificate: pkcs11.CKO_CERTIFICATE, hsm.Data: pkcs11.CKO_DATA,
}

// template describes o with its material to CreateObject.
func template(o hsm.Object, material []byte) ([]*pkcs11.Attribute, error) {
	class, known := classes[o.Class]
	if !known {
		return nil, fmt.Errorf("objects of class %s cannot be made here", o.Class)
	}
	t := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, o.Label),
	}
	flag := func(attribute uint, op keys.Ops) {
		t = append(t, pkcs11.NewAttribute(attribute, o.Ops.Has(op)))
	}
	switch o.Class {
	case hsm.Certificate:
		cert, err := x509.ParseCertificate(material)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate: %w", err)
		}
		return append(t, pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509), pkcs11.NewAttribute(pkcs11.CKA_ID, o.ID),
			pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, cert.RawSubject), pkcs11.NewAttribute(pkcs11.CKA_VALUE, material)), nil
	case hsm.Data:
		return append(t, pkcs11.NewAttribute(pkcs11.CKA_VALUE, material)), nil
	case hsm.SecretKey:
		keyType := uint(pkcs11.CKK_AES)
		if o.Type == keys.HMAC {
			keyType = pkcs11.CKK_GENERIC_SECRET
		}
		flag(pkcs11.CKA_ENCRYPT, keys.OpEncrypt)
		flag(pkcs11.CKA_DECRYPT, keys.OpDecrypt)
		flag(pkcs11.CKA_SIGN, keys.OpMAC)
		flag(pkcs11.CKA_VERIFY, keys.OpMACVerify)
		return append(t, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyType), pkcs11.NewAttribute(pkcs11.CKA_ID, o.ID),
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_VALUE, material)), nil
	case hsm.PrivateKey:
		flag(pkcs11.CKA_SIGN, keys.OpSign)
		flag(pkcs11.CKA_DECRYPT, keys.OpDecrypt)
		t = append(t, pkcs11.NewAttribute(pkcs11.CKA_ID, o.ID), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false))
		more, err := private(material)
		return append(t, more...), err
	default:
		flag(pkcs11.CKA_VERIFY, keys.OpVerify)
		flag(pkcs11.CKA_ENCRYPT, keys.OpEncrypt)
		more, err := public(material)
		return append(append(t, pkcs11.NewAttribute(pkcs11.CKA_ID, o.ID)), more...), err
	}
}

func private(pkcs8 []byte) ([]*pkcs11.Attribute, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA), pkcs11.NewAttribute(pkcs11.CKA_MODULUS, k.N.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(k.E)).Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE_EXPONENT, k.D.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_PRIME_1, k.Primes[0].Bytes()), pkcs11.NewAttribute(pkcs11.CKA_PRIME_2, k.Primes[1].Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_EXPONENT_1, k.Precomputed.Dp.Bytes()), pkcs11.NewAttribute(pkcs11.CKA_EXPONENT_2, k.Precomputed.Dq.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_COEFFICIENT, k.Precomputed.Qinv.Bytes()),
		}, nil
	case *ecdsa.PrivateKey:
		scalar, err := k.ECDH()
		if err != nil {
			return nil, fmt.Errorf("reading the private key: %w", err)
		}
		params, err := curveParams(scalar.Curve())
		return []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, scalar.Bytes()),
		}, err
	default:
		return nil, fmt.Errorf("private keys of type %T cannot be made here", key)
	}
}

func public(spki []byte) ([]*pkcs11.Attribute, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		return []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA), pkcs11.NewAttribute(pkcs11.CKA_MODULUS, k.N.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(k.E)).Bytes()),
		}, nil
	case *ecdsa.PublicKey:
		point, err := k.ECDH()
		if err != nil {
			return nil, fmt.Errorf("reading the public key: %w", err)
		}
		params, err := curveParams(point.Curve())
		if err != nil {
			return nil, err
		}
		octets, err := asn1.Marshal(point.Bytes()) // CKA_EC_POINT is a DER OCTET STRING (PKCS#11 v2.40, 2.3.3)
		return []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params),
			pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, octets),
		}, err
	default:
		return nil, fmt.Errorf("public keys of type %T cannot be made here", key)
	}
}

// curveParams returns CKA_EC_PARAMS: the DER of the curve's name (RFC 5480, 2.1.1.1).
func curveParams(c ecdh.Curve) ([]byte, error) {
	switch c {
	case ecdh.P256():
		return asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	case ecdh.P384():
		return asn1.Marshal(asn1.ObjectIdentifier{1, 3, 132, 0, 34})
	case ecdh.P521():
		return asn1.Marshal(asn1.ObjectIdentifier{1, 3, 132, 0, 35})
	default:
		return nil, errors.New("no such curve here")
	}
}
