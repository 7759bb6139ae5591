package pkcs11

import (
	"crypto/rand"
	"log/slog"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// generators are the mechanisms that make keys. unit is what their sizes count:
// bits, or bytes, or nothing to go by.
var generators = map[uint]struct {
	typ  keys.Type
	unit int
}{
	pkcs11.CKM_AES_KEY_GEN:            {keys.AES, 8},
	pkcs11.CKM_DES3_KEY_GEN:           {keys.DES3, 0},
	pkcs11.CKM_GENERIC_SECRET_KEY_GEN: {keys.HMAC, 0}, // bits by the standard, bytes in most libraries
	pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN:  {keys.RSA, 1},
	pkcs11.CKM_EC_KEY_PAIR_GEN:        {keys.EC, 1},
	ckmECEdwardsKeyPairGen:            {keys.EC, 0},
	ckmECMontgomeryPairGen:            {keys.EC, 0},
}

// operating is what a mechanism does, by the flags that it must have for it.
type operating struct {
	typ  keys.Type
	mode operations.Mode
	hash operations.Hash
	mac  bool // CKF_SIGN and CKF_VERIFY are for MACs
}

// operators are the mechanisms that work with keys, but for those that depend
// on a hash in their parameter.
func operators() map[uint]operating {
	all := map[uint]operating{
		pkcs11.CKM_RSA_PKCS:  {typ: keys.RSA, mode: operations.PKCS1v15},
		pkcs11.CKM_ECDSA:     {typ: keys.EC},
		ckmEDDSA:             {typ: keys.EC},
		pkcs11.CKM_AES_CMAC:  {typ: keys.AES, mac: true},
		pkcs11.CKM_DES3_CMAC: {typ: keys.DES3, mac: true},
	}
	for typ, modes := range cipherMechanisms {
		for mode, number := range modes {
			all[number] = operating{typ: typ, mode: mode}
		}
	}
	for h, p := range hashes {
		all[p.hmac] = operating{typ: keys.HMAC, hash: h, mac: true}
	}
	all[pkcs11.CKM_AES_KEY_WRAP] = operating{typ: keys.AES, mode: operations.KW}
	return all
}

// capabilities reads the mechanism list, in a session of its own. What cannot be
// read is left out: the list is a hint.
func (t *Token) capabilities() hsm.Capabilities {
	var c hsm.Capabilities
	list, err := t.m.lib.Mechanisms(t.slot)
	if err != nil {
		t.log.Warn("the token's mechanism list cannot be read", slog.Any("error", err))
		return c
	}
	works := operators()
	if t.padding = t.findPadding(list); t.padding.mechanism != 0 {
		works[t.padding.mechanism] = operating{typ: keys.AES, mode: operations.KWP}
	}
	seen := map[hsm.Mechanism]bool{}
	add := func(name string, o operating) {
		m := hsm.Mechanism{Operation: name, Type: o.typ, Mode: o.mode, Hash: o.hash}
		if !seen[m] {
			seen[m] = true
			c.Mechanisms = append(c.Mechanisms, m)
		}
	}
	for _, number := range list {
		info, err := t.m.lib.GetMechanismInfo(t.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(number, nil)})
		if err != nil {
			continue
		}
		if g, ok := generators[number]; ok {
			lo, hi := bounds(info.MinKeySize, info.MaxKeySize, g.unit)
			c.Generate = append(c.Generate, hsm.GenerateCapability{Type: g.typ, MinBits: lo, MaxBits: hi})
		}
		if o, ok := works[number]; ok {
			o.list(info.Flags, add)
		}
		if info.Flags&pkcs11.CKF_DERIVE != 0 {
			derivations(number, add)
		}
		for _, h := range t.hashesOf(number) {
			o := operating{typ: keys.RSA, mode: operations.PSS, hash: h}
			if number == pkcs11.CKM_RSA_PKCS_OAEP {
				o.mode = operations.OAEP
			}
			o.list(info.Flags, add)
		}
	}
	return c
}

// list adds what the flags allow. Verifying and encrypting with a public key
// need no token, and a MAC is verified by making it again.
func (o operating) list(flags uint, add func(string, operating)) {
	sign, verify := "sign", "verify"
	if o.mac {
		sign, verify = "mac", "macverify"
	}
	if flags&pkcs11.CKF_SIGN != 0 {
		add(sign, o)
	}
	if flags&(pkcs11.CKF_VERIFY|pkcs11.CKF_SIGN) != 0 {
		add(verify, o)
	}
	if flags&pkcs11.CKF_WRAP != 0 {
		add("wrap", o)
	}
	if flags&pkcs11.CKF_UNWRAP != 0 {
		add("unwrap", o)
	}
	if o.mode == operations.KW || o.mode == operations.KWP { // which some list for data, too
		return
	}
	if flags&pkcs11.CKF_ENCRYPT != 0 || flags&pkcs11.CKF_DECRYPT != 0 && o.typ == keys.RSA {
		add("encrypt", o)
	}
	if flags&pkcs11.CKF_DECRYPT != 0 {
		add("decrypt", o)
	}
}

// derivations adds what a mechanism derives.
func derivations(number uint, add func(string, operating)) {
	switch number {
	case pkcs11.CKM_ECDH1_DERIVE:
		add("agree", operating{typ: keys.EC})
	case ckmHKDFDerive: // with which hashes no list tells
		for h := range hashes {
			add("derive", operating{typ: keys.HMAC, hash: h})
			add("derive", operating{typ: keys.Secret, hash: h})
		}
	}
	for typ, modes := range dataMechanisms {
		for mode, n := range modes {
			if n == number {
				add("derive", operating{typ: typ, mode: mode})
			}
		}
	}
}

// bounds returns the sizes of a mechanism in bits; 0 for what makes no sense.
func bounds(lo, hi uint, unit int) (minBits, maxBits int) {
	const most = 1 << 17
	if unit == 0 || lo > hi || hi > most {
		return 0, 0
	}
	if unit == 8 && hi > 64 {
		unit = 1 // a library that counts bits where the standard has bytes
	}
	return int(lo) * unit, int(hi) * unit
}

// hashesOf finds out by trying which hashes the token takes in the parameter of
// PSS or OAEP: no list tells. A public key that lives as long as its session is
// made for it; where the token refuses that, all hashes are listed.
func (t *Token) hashesOf(number uint) []operations.Hash {
	if number != pkcs11.CKM_RSA_PKCS_PSS && number != pkcs11.CKM_RSA_PKCS_OAEP {
		return nil
	}
	var taken []operations.Hash
	var p probe
	defer p.close(t)
	for _, h := range operations.Hashes() {
		if p.takes(t, number, h) {
			taken = append(taken, h)
		}
	}
	return taken
}

// probe is a session with a public key in it, while it is of use.
type probe struct {
	open    bool
	session cryptoki.Session
	key     cryptoki.Object
}

// takes tries a hash. Where that cannot be done it says yes.
func (p *probe) takes(t *Token, number uint, h operations.Hash) bool {
	if !p.open && !p.make(t) {
		return true
	}
	m := cryptoki.Mechanism{Type: number, Shape: cryptoki.OAEP, A: hashes[h].digest, B: hashes[h].mgf}
	kind, in, out := cryptoki.Encrypt, []byte("hello"), make([]byte, 512)
	if number == pkcs11.CKM_RSA_PKCS_PSS {
		m.Shape, m.C = cryptoki.PSS, uint(h.Size())
		kind, in, out = cryptoki.Verify, make([]byte, h.Size()), make([]byte, probeBytes)
	}
	_, begun, err := t.m.lib.Run(kind, p.session, p.key, &m, in, out)
	if spoils(err) {
		p.close(t)
	}
	return err == nil || begun && kind == cryptoki.Verify
}

// probeBytes is the length of the probe's modulus.
const probeBytes = 256

func (p *probe) make(t *Token) bool {
	modulus := make([]byte, probeBytes) // nobody has the private half
	if _, err := rand.Read(modulus); err != nil {
		return false
	}
	modulus[0] |= 0x80
	modulus[len(modulus)-1] |= 1
	var err error
	if p.session, err = t.openHandle(); err != nil {
		return false
	}
	p.open = true
	p.key, err = t.m.lib.Create(p.session, attributes{
		{Type: pkcs11.CKA_CLASS, Value: ulong(pkcs11.CKO_PUBLIC_KEY)},
		{Type: pkcs11.CKA_KEY_TYPE, Value: ulong(pkcs11.CKK_RSA)},
		{Type: pkcs11.CKA_TOKEN, Value: boolean(false)},
		{Type: pkcs11.CKA_PRIVATE, Value: boolean(false)},
		{Type: pkcs11.CKA_ENCRYPT, Value: boolean(true)},
		{Type: pkcs11.CKA_VERIFY, Value: boolean(true)},
		{Type: pkcs11.CKA_MODULUS, Value: modulus},
		{Type: pkcs11.CKA_PUBLIC_EXPONENT, Value: []byte{1, 0, 1}},
	})
	if err != nil {
		p.close(t)
	}
	return err == nil
}

func (p *probe) close(t *Token) {
	if p.open {
		p.open = false
		t.closeHandle(p.session)
	}
}
