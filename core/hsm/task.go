package hsm

import (
	"fmt"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// The kinds of task. To sign means to verify too, to encrypt to decrypt too, to
// wrap to unwrap too.
const (
	TaskGenerate = "generate"
	TaskImport   = "import"
	TaskSign     = "sign"
	TaskEncrypt  = "encrypt"
	TaskMAC      = "mac"
	TaskWrap     = "wrap"
	TaskAgree    = "agree"
	TaskDerive   = "derive"
)

// Task is one thing that Gatehouse does with keys of one kind.
type Task struct {
	Does  string
	Type  keys.Type
	Size  int // bits; 0 where it makes no difference
	Curve keys.Curve
	Mode  operations.Mode
	Hash  operations.Hash
}

// Key names the kind of key.
func (t Task) Key() string {
	switch {
	case t.Type == keys.EC:
		return string(t.Type) + " " + string(t.Curve)
	case t.Size != 0:
		return fmt.Sprintf("%s %d", t.Type, t.Size)
	default:
		return string(t.Type)
	}
}

// What names what is done.
func (t Task) What() string {
	s := t.Does
	if t.Mode != "" {
		s += " " + string(t.Mode)
	}
	if t.Does == TaskMAC && t.Type != keys.HMAC {
		s += " CMAC"
	}
	if t.Hash != operations.NoHash {
		s += " " + string(t.Hash)
	}
	return s
}

// Tasks lists what Gatehouse does with keys, kind by kind.
func Tasks() []Task {
	var all []Task
	for _, size := range []int{2048, 3072, 4096} {
		all = append(all, Task{Does: TaskGenerate, Type: keys.RSA, Size: size})
	}
	all = append(all,
		Task{Does: TaskImport, Type: keys.RSA},
		Task{Does: TaskSign, Type: keys.RSA, Mode: operations.PKCS1v15, Hash: operations.SHA256},
		Task{Does: TaskSign, Type: keys.RSA, Mode: operations.PSS, Hash: operations.SHA256},
		Task{Does: TaskEncrypt, Type: keys.RSA, Mode: operations.PKCS1v15},
		Task{Does: TaskEncrypt, Type: keys.RSA, Mode: operations.OAEP, Hash: operations.SHA1},
		Task{Does: TaskEncrypt, Type: keys.RSA, Mode: operations.OAEP, Hash: operations.SHA256},
		Task{Does: TaskWrap, Type: keys.RSA, Mode: operations.PKCS1v15},
		Task{Does: TaskWrap, Type: keys.RSA, Mode: operations.OAEP, Hash: operations.SHA1},
		Task{Does: TaskWrap, Type: keys.RSA, Mode: operations.OAEP, Hash: operations.SHA256},
	)
	for _, c := range keys.Curves() {
		all = append(all, Task{Does: TaskGenerate, Type: keys.EC, Curve: c}, Task{Does: TaskImport, Type: keys.EC, Curve: c})
		switch c {
		case keys.Ed25519:
			all = append(all, Task{Does: TaskSign, Type: keys.EC, Curve: c})
		case keys.X25519:
			all = append(all, Task{Does: TaskAgree, Type: keys.EC, Curve: c})
		default:
			all = append(all, Task{Does: TaskSign, Type: keys.EC, Curve: c, Hash: operations.SHA256},
				Task{Does: TaskAgree, Type: keys.EC, Curve: c})
		}
	}
	for _, size := range []int{128, 192, 256} {
		all = append(all, Task{Does: TaskGenerate, Type: keys.AES, Size: size})
	}
	all = append(all, Task{Does: TaskImport, Type: keys.AES})
	for _, m := range []operations.Mode{operations.ECB, operations.CBC, operations.CBCNoPad, operations.CTR, operations.GCM, operations.CCM} {
		all = append(all, Task{Does: TaskEncrypt, Type: keys.AES, Mode: m})
	}
	all = append(all,
		Task{Does: TaskMAC, Type: keys.AES},
		Task{Does: TaskWrap, Type: keys.AES, Mode: operations.KW},
		Task{Does: TaskWrap, Type: keys.AES, Mode: operations.KWP},
		Task{Does: TaskWrap, Type: keys.AES, Mode: operations.CBC},
		Task{Does: TaskWrap, Type: keys.AES, Mode: operations.GCM},
		Task{Does: TaskDerive, Type: keys.AES, Mode: operations.ECB},
		Task{Does: TaskDerive, Type: keys.AES, Mode: operations.CBC},
		Task{Does: TaskGenerate, Type: keys.DES3, Size: 168},
		Task{Does: TaskImport, Type: keys.DES3},
	)
	for _, m := range []operations.Mode{operations.ECB, operations.CBC, operations.CBCNoPad} {
		all = append(all, Task{Does: TaskEncrypt, Type: keys.DES3, Mode: m})
	}
	all = append(all,
		Task{Does: TaskMAC, Type: keys.DES3},
		Task{Does: TaskGenerate, Type: keys.HMAC, Size: 512}, // some want keys as long as the digest
		Task{Does: TaskImport, Type: keys.HMAC},
	)
	for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA384, operations.SHA512, operations.SHA3_256} {
		all = append(all, Task{Does: TaskMAC, Type: keys.HMAC, Hash: h})
	}
	all = append(all, Task{Does: TaskDerive, Type: keys.HMAC, Hash: operations.SHA256})
	return all
}

// Quirk is something about a token that its mechanism list does not tell.
type Quirk struct {
	Name  string
	Finds string
	Good  bool // the way that the standard, or a user, wishes it
}
