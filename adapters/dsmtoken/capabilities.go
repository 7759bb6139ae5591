package dsmtoken

import (
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// capabilities is what the API carries of what the domain has. Which of that
// the other service does, it tells when it is asked: the API has no call that
// lists it. ECB is left out: a key there must have been made for it, and an
// order for a new key does not say what for.
func capabilities() hsm.Capabilities {
	c := hsm.Capabilities{Generate: []hsm.GenerateCapability{
		{Type: keys.AES, MinBits: 128, MaxBits: 256},
		{Type: keys.DES3, MinBits: 112, MaxBits: 168},
		{Type: keys.RSA, MinBits: 2048, MaxBits: 8192},
		{Type: keys.EC},
		{Type: keys.HMAC, MinBits: 112, MaxBits: 8192},
	}}
	add := func(t keys.Type, m operations.Mode, h operations.Hash, does ...string) {
		for _, d := range does {
			c.Mechanisms = append(c.Mechanisms, hsm.Mechanism{Operation: d, Type: t, Mode: m, Hash: h})
		}
	}
	for _, m := range []operations.Mode{operations.CBC, operations.CBCNoPad, operations.CTR, operations.GCM, operations.CCM} {
		add(keys.AES, m, "", "encrypt", "decrypt", "wrap", "unwrap", "derive")
	}
	for _, m := range []operations.Mode{operations.CBC, operations.CBCNoPad} {
		add(keys.DES3, m, "", "encrypt", "decrypt", "wrap", "unwrap", "derive")
	}
	for _, m := range []operations.Mode{operations.KW, operations.KWP} {
		add(keys.AES, m, "", "wrap", "unwrap")
	}
	add(keys.AES, "", "", "mac", "macverify")
	add(keys.DES3, "", "", "mac", "macverify")
	add(keys.RSA, operations.PKCS1v15, "", "encrypt", "decrypt", "wrap", "unwrap", "sign", "verify")
	add(keys.RSA, operations.PSS, "", "sign", "verify")
	add(keys.EC, "", "", "sign", "verify", "agree")
	for _, h := range operations.Hashes() {
		add(keys.RSA, operations.OAEP, h, "encrypt", "decrypt", "wrap", "unwrap")
		add(keys.HMAC, "", h, "mac", "macverify", "derive")
		for _, t := range []keys.Type{keys.Secret, keys.AES, keys.DES3} {
			add(t, "", h, "derive")
		}
	}
	return c
}
