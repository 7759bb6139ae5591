package estate

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/simulators/softtoken"
)

// direct makes things through PKCS#11, in a copy of the token's library, which
// does not mind that the process may have loaded the original for something else.
type direct struct {
	ctx     *pkcs11.Ctx
	session pkcs11.SessionHandle
}

func login(token softtoken.Token, dir string) (*direct, error) {
	token, err := token.CopyLib(filepath.Join(dir, "estate-library.so"))
	if err != nil {
		return nil, err
	}
	d := &direct{ctx: pkcs11.New(token.Lib)}
	err = os.Remove(token.Lib) // once loaded, it needs no name
	if d.ctx == nil {
		return nil, errors.Join(fmt.Errorf("loading %s", token.Lib), err)
	}
	if err != nil {
		d.ctx.Destroy()
		return nil, fmt.Errorf("removing the copy of the library: %w", err)
	}
	if err := initialize(d.ctx, token); err != nil {
		d.ctx.Destroy()
		return nil, fmt.Errorf("initialising %s: %w", token.Lib, err)
	}
	d.session, err = d.ctx.OpenSession(token.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err == nil {
		err = d.ctx.Login(d.session, pkcs11.CKU_USER, token.PIN)
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("logging in to the token: %w", err)
	}
	return d, nil
}

// initialize initialises the library, which reads token.Env while it does.
func initialize(c *pkcs11.Ctx, token softtoken.Token) error {
	type variable struct {
		name, value string
		set         bool
	}
	var before []variable
	for _, kv := range token.Env {
		name, _, _ := strings.Cut(kv, "=")
		value, set := os.LookupEnv(name)
		before = append(before, variable{name, value, set})
	}
	err := token.Setenv()
	if err == nil {
		err = c.Initialize()
	}
	for _, v := range before {
		if v.set {
			err = errors.Join(err, os.Setenv(v.name, v.value))
		} else {
			err = errors.Join(err, os.Unsetenv(v.name))
		}
	}
	return err
}

func (d *direct) close() {
	_ = d.ctx.Finalize() // nothing is under way, and nobody left to tell
	d.ctx.Destroy()
}

func (d *direct) create(t []*pkcs11.Attribute) error {
	_, err := d.ctx.CreateObject(d.session, t)
	return err
}

func (d *direct) make(w what, k Key) error {
	switch w { //nolint:exhaustive // the rest is generated below
	case des:
		return d.create(append(object(k, hsm.SecretKey), pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte("\x01#Eg\x89\xab\xcd\xef"))))
	case rsaPublic:
		key, err := rsa.GenerateKey(rand.Reader, k.Size)
		if err != nil {
			return fmt.Errorf("making an RSA key: %w", err)
		}
		return d.create(append(publicHalf(k),
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, key.N.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(key.E)).Bytes())))
	case p256Private:
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("making an EC key: %w", err)
		}
		return d.create(append(privateHalf(k),
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curveParams[k.Curve]),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, key.Bytes())))
	}
	if k.Pair {
		public, private := publicHalf(k), privateHalf(k)
		public = append(public, parameters(k)...)
		_, _, err := d.ctx.GenerateKeyPair(d.session, []*pkcs11.Mechanism{pairMechanism(k)}, public, private)
		return err
	}
	_, err := d.ctx.GenerateKey(d.session, []*pkcs11.Mechanism{secretMechanism(k)}, secretKey(k))
	return err
}
