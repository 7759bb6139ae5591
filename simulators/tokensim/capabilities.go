package tokensim

import (
	"slices"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Everything returns all that the simulator can do.
func Everything() hsm.Capabilities {
	c := hsm.Capabilities{Generate: []hsm.GenerateCapability{
		{Type: keys.AES, MinBits: 128, MaxBits: 256},
		{Type: keys.DES3, MinBits: 112, MaxBits: 168},
		{Type: keys.HMAC, MinBits: 112, MaxBits: 8192},
		{Type: keys.RSA, MinBits: 1024, MaxBits: 8192},
		{Type: keys.EC, MinBits: 224, MaxBits: 521},
	}}
	both := func(one, other string, m hsm.Mechanism) {
		for _, name := range slices.Compact([]string{one, other}) {
			m.Operation = name
			c.Mechanisms = append(c.Mechanisms, m)
		}
	}
	for _, m := range []operations.Mode{operations.ECB, operations.CBC, operations.CBCNoPad} {
		both("encrypt", "decrypt", hsm.Mechanism{Type: keys.AES, Mode: m})
		both("encrypt", "decrypt", hsm.Mechanism{Type: keys.DES3, Mode: m})
	}
	both("encrypt", "decrypt", hsm.Mechanism{Type: keys.AES, Mode: operations.CTR})
	both("encrypt", "decrypt", hsm.Mechanism{Type: keys.AES, Mode: operations.GCM})
	both("encrypt", "decrypt", hsm.Mechanism{Type: keys.RSA, Mode: operations.PKCS1v15})
	both("sign", "verify", hsm.Mechanism{Type: keys.EC}) // Ed25519
	for _, m := range []operations.Mode{operations.ECB, operations.CBC, operations.CBCNoPad} {
		both("wrap", "unwrap", hsm.Mechanism{Type: keys.AES, Mode: m})
		both("wrap", "unwrap", hsm.Mechanism{Type: keys.DES3, Mode: m})
		both("derive", "derive", hsm.Mechanism{Type: keys.AES, Mode: m})
	}
	for _, m := range []operations.Mode{operations.KW, operations.KWP, operations.CTR, operations.GCM} {
		both("wrap", "unwrap", hsm.Mechanism{Type: keys.AES, Mode: m})
	}
	both("wrap", "unwrap", hsm.Mechanism{Type: keys.RSA, Mode: operations.PKCS1v15})
	both("agree", "agree", hsm.Mechanism{Type: keys.EC})
	for _, h := range operations.Hashes() {
		both("wrap", "unwrap", hsm.Mechanism{Type: keys.RSA, Mode: operations.OAEP, Hash: h})
		for _, t := range []keys.Type{keys.HMAC, keys.Secret, keys.AES} {
			both("derive", "derive", hsm.Mechanism{Type: t, Hash: h})
		}
		both("encrypt", "decrypt", hsm.Mechanism{Type: keys.RSA, Mode: operations.OAEP, Hash: h})
		both("sign", "verify", hsm.Mechanism{Type: keys.RSA, Mode: operations.PKCS1v15, Hash: h})
		both("sign", "verify", hsm.Mechanism{Type: keys.RSA, Mode: operations.PSS, Hash: h})
		both("sign", "verify", hsm.Mechanism{Type: keys.EC, Hash: h})
		both("mac", "macverify", hsm.Mechanism{Type: keys.HMAC, Hash: h})
	}
	return c
}
