package tokentest

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"hash"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// macs: HMAC against Go's, CMAC against published vectors.
func (s *suite) macs(t *testing.T) {
	for _, h := range operations.Hashes() {
		name := fmt.Sprintf("HMAC %s", h)
		t.Run(name, func(t *testing.T) { s.hmac(t, s.knownHMAC(t), name, h) })
	}
	short := "HMAC SHA512 with a key shorter than its digest"
	t.Run(short, func(t *testing.T) { s.hmac(t, s.knownShortHMAC(t), short, operations.SHA512) })
	for _, v := range cmacVectors {
		t.Run("CMAC "+v.name, func(t *testing.T) { s.cmac(t, v) })
	}
}

func (s *suite) hmac(t *testing.T, key *imported, name string, h operations.Hash) {
	if key == nil {
		return
	}
	for _, data := range [][]byte{[]byte("what is to be authenticated"), nil, make([]byte, operations.MaxInput)} {
		d := hmac.New(func() hash.Hash { return goHash(h).New() }, key.raw)
		d.Write(data)
		if !s.mac(t, key.object, name, operations.MAC{Hash: h, Data: data}, d.Sum(nil)) {
			return
		}
	}
}

// cmacVector is a published vector.
type cmacVector struct{ name, kind, key, data, mac string }

// cmacVectors are from NIST SP 800-38B, appendix D (those for AES-128 are also in RFC 4493).
var cmacVectors = []cmacVector{
	{"AES 128 of nothing", "AES 128", "2b7e151628aed2a6abf7158809cf4f3c", "", "bb1d6929e95937287fa37d129b756746"},
	{"AES 128 of one block", "AES 128", "2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"},
	{
		"AES 128 of 40 bytes", "AES 128", "2b7e151628aed2a6abf7158809cf4f3c",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411", "dfa66747de9ae63030ca32611497c827",
	},
	{
		"AES 256 of one block", "AES 256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"6bc1bee22e409f96e93d7e117393172a", "28a7023f452e8f82bd4bf28d8c37c35c",
	},
	{"DES3 of nothing", "DES3 168", "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5", "", "b7a688e122ffaf95"},
	{"DES3 of one block", "DES3 168", "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5", "6bc1bee22e409f96", "8e8f293136283797"},
}

func (s *suite) cmac(t *testing.T, v cmacVector) {
	tpl := s.kind(v.kind)
	o, err := s.tok.Import(within(t), tpl, secret.New(unhex(t, v.key)))
	if s.refusals.works(t, "import "+v.kind, err) {
		s.mac(t, o, "CMAC", operations.MAC{Data: unhex(t, v.data)}, unhex(t, v.mac))
	}
}

// mac reports whether the token makes such MACs.
func (s *suite) mac(t *testing.T, key hsm.Object, name string, op operations.MAC, want []byte) bool {
	t.Helper()
	res, err := s.tok.Operate(within(t), key.Ref(), op)
	m := hsm.MechanismFor(op, key.Type)
	if key.Type != keys.HMAC {
		name = string(key.Type) + " " + name
	}
	works := s.refusals.works(t, "mac "+name, err)
	if works && !s.caps.Lists(m) {
		t.Errorf("%+v works, and the capabilities do not list it", m)
	}
	if !works && s.caps.Lists(m) && (key.Type != keys.HMAC || key.Size >= 512) {
		t.Errorf("%+v is refused, and the capabilities list it", m)
	}
	if !works {
		return false
	}
	if !bytes.Equal(res.Output, want) {
		t.Errorf("got MAC %x, want %x", res.Output, want)
	}
	verify := operations.MACVerify{Hash: op.Hash, Data: op.Data, MAC: res.Output}
	if !s.operate(t, key.Ref(), verify).Valid {
		t.Error("the token does not verify its own MAC")
	}
	wrong := bytes.Clone(want)
	wrong[0] ^= 0x80
	for what, mac := range map[string][]byte{"changed": wrong, "cut": want[:len(want)-1], "longer": append(bytes.Clone(want), 0)} {
		verify.MAC = mac
		got, err := s.tok.Operate(within(t), key.Ref(), verify)
		if len(mac) > 64 {
			continue // longer than any MAC, which is another refusal
		}
		if err != nil || got.Valid {
			t.Errorf("verifying a MAC that is %s: got valid %t and error %v, want not valid and no error", what, got.Valid, err)
		}
	}
	return true
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
