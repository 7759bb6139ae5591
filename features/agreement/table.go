package agreement

import (
	"slices"

	"gatehouse/core/operations"
	"gatehouse/features/agreement/task"
)

// Table lists every row: what is done with which key in which mode.
func Table(r Ring) []task.Task {
	return slices.Concat(
		r.aes(), r.des3(), r.rsa(), r.ec(), r.hmac(), r.wrapping(), r.postQuantum(), r.objects(), digests(),
	)
}

// Inputs. Lengths that are no multiple of a block tell whether somebody pads.
var (
	message = []byte("What the service says is what everybody else says too, to a byte.")
	blocks  = []byte("Sixteen bytes onSixteen bytes tw") // of AES and of DES3
	short   = []byte("a short message")                  // for the shortest RSA keys
	aside   = []byte("said beside it")
)

// hashes are those of the API that Gatehouse carries.
func hashes() []string {
	var names []string
	for _, h := range operations.Hashes() {
		names = append(names, string(h))
	}
	return names
}

// input is what a mode encrypts.
func input(mode string) []byte {
	if mode == "ECB" || mode == "CBCNOPAD" {
		return blocks
	}
	return message
}

func encryption(k *task.Key, mode string) task.Task {
	return task.Task{Act: task.Encrypt, Key: k, Mode: mode, In: input(mode)}
}

var cipherModes = []string{"ECB", "CBC", "CBCNOPAD", "CTR", "GCM", "CCM"}

func (r Ring) aes() (all []task.Task) {
	for _, bits := range aesSizes {
		k := r.Key("AES", bits)
		for _, mode := range cipherModes {
			all = append(all, encryption(k, mode))
		}
		with := func(mode, variant string, change func(*task.Task)) {
			t := encryption(k, mode)
			t.Variant = variant
			change(&t)
			all = append(all, t)
		}
		with("GCM", "with associated data", func(t *task.Task) { t.AD = aside })
		with("GCM", "of associated data alone", func(t *task.Task) { t.AD, t.In = aside, []byte{} })
		with("GCM", "tag of 96 bits", func(t *task.Task) { t.TagBits = 96 })
		with("GCM", "iv of 16 bytes", func(t *task.Task) { t.IV = blocks[:16] })
		with("CCM", "with associated data", func(t *task.Task) { t.AD = aside })
		with("CCM", "tag of 32 bits", func(t *task.Task) { t.TagBits = 32 })
		with("CCM", "iv of 7 bytes", func(t *task.Task) { t.IV = blocks[:7] })
		with("CCM", "iv of 13 bytes", func(t *task.Task) { t.IV = blocks[:13] })
		for _, mode := range []string{"CBC", "CBCNOPAD", "CTR", "GCM"} {
			with(mode, "", func(t *task.Task) { t.How, t.In = task.InParts, slices.Concat(blocks, input(mode)) })
		}
		all = append(all, secretKey(k)...)
	}
	for _, how := range []task.How{task.InBatch, task.Transient} {
		t := encryption(r.Key("AES", 256), "CBC")
		t.How = how
		all = append(all, t)
	}
	return all
}

func (r Ring) des3() (all []task.Task) {
	for _, bits := range des3Sizes {
		k := r.Key("DES3", bits)
		for _, mode := range []string{"ECB", "CBC", "CBCNOPAD"} {
			all = append(all, encryption(k, mode))
		}
		t := encryption(k, "CBC")
		t.How = task.InParts
		all = append(all, t)
		all = append(all, secretKey(k)...)
	}
	return all
}

// secretKey is what keys of block ciphers do beside encryption.
func secretKey(k *task.Key) (all []task.Task) {
	all = append(all, task.Task{Act: task.MAC, Key: k, Mode: "CMAC", In: message})
	modes := map[string][]string{"AES": cipherModes, "DES3": cipherModes[:3]}[k.Type]
	sizes := map[string]int{"GCM": 12, "CCM": 12, "ECB": 0}
	for _, mode := range modes {
		n, known := sizes[mode]
		if !known {
			n = map[string]int{"AES": 16, "DES3": 8}[k.Type]
		}
		all = append(all, task.Task{Act: task.EncryptData, Key: k, Mode: mode, In: blocks, IV: message[:n], Bits: 8 * len(blocks)})
	}
	all = append(
		all,
		task.Task{Act: task.HKDF, Key: k, Hash: "SHA256", Salt: aside, Info: short, Bits: 256},
		task.Task{Act: task.CheckValue, Key: k, Mode: "encryption"},
	)
	if k.Type == "AES" || k.Size == 168 { // the API has none of DES3 of two keys
		all = append(all, task.Task{Act: task.CheckValue, Key: k, Mode: "CMAC"})
	}
	return append(all, exported(k)...)
}

// exported is what there is to say of the value of any key.
func exported(k *task.Key) []task.Task {
	return []task.Task{{Act: task.Value, Key: k}, {Act: task.ValueDigest, Key: k, Hash: "SHA256"}}
}

// rsaHashes are those that RSA keys of a size are compared with. Hash and size
// have nothing to do with each other, and a row with the longest keys takes a
// second: two hashes are enough there.
func rsaHashes(bits int) []string {
	if bits > 4096 {
		return []string{"SHA256", "SHA512"}
	}
	return hashes()
}

func (r Ring) rsa() (all []task.Task) {
	for _, bits := range rsaSizes {
		k := r.Key("RSA", bits)
		legacy := bits < 2048
		for _, h := range rsaHashes(bits) {
			size := operations.Hash(h).Size()
			all = append(all, task.Task{Act: task.Sign, Key: k, Mode: "PKCS1_V15", Hash: h, In: message, Legacy: legacy})
			if bits/8 >= 2*size+2 { // RFC 8017, 9.1.1
				all = append(all, task.Task{Act: task.Sign, Key: k, Mode: "PSS", Hash: h, In: message, Legacy: legacy})
			}
			if bits/8 >= 2*size+2+len(short) { // RFC 8017, 7.1.1
				all = append(all, task.Task{Act: task.Encrypt, Key: k, Mode: "OAEP", Hash: h, In: short, Legacy: legacy})
			}
		}
		all = append(all, task.Task{Act: task.Encrypt, Key: k, Mode: "PKCS1_V15", In: short, Legacy: legacy}, task.Task{Act: task.PublicKey, Key: k})
		all = append(all, exported(k)...)
	}
	k := r.Key("RSA", 2048)
	all = append(all, task.Task{Act: task.Encrypt, Key: k, Mode: "OAEP", Hash: "SHA256", In: short, Label: aside, Variant: "with a label"})
	for _, mode := range []string{"PKCS1_V15", "PSS"} {
		for _, how := range []task.How{task.Prehashed, task.InBatch, task.Generated} {
			all = append(all, task.Task{Act: task.Sign, Key: k, Mode: mode, Hash: "SHA256", In: message, How: how})
		}
	}
	return all
}

func (r Ring) ec() (all []task.Task) {
	for _, c := range curves {
		k := r.Key("EC", c.curve)
		agrees, signs := c.curve != "Ed25519", c.curve != "X25519"
		switch {
		case signs && !agrees:
			all = append(all, task.Task{Act: task.Sign, Key: k, In: message}, task.Task{Act: task.Sign, Key: k, In: message, How: task.Generated})
		case signs:
			for _, h := range hashes() {
				all = append(all, task.Task{Act: task.Sign, Key: k, Hash: h, In: message})
			}
			for _, how := range []task.How{task.Prehashed, task.InBatch, task.Generated} {
				all = append(all, task.Task{Act: task.Sign, Key: k, Hash: "SHA256", In: message, How: how})
			}
		}
		if agrees {
			all = append(all, task.Task{Act: task.Agree, Key: k, Peer: r.Key("EC", c.curve+other), Bits: agreed[c.curve]})
		}
		all = append(all, task.Task{Act: task.PublicKey, Key: k})
		all = append(all, exported(k)...)
	}
	return all
}

// agreed are the lengths in bits of the whole shared secrets.
var agreed = map[string]int{
	"NistP224": 224, "NistP256": 256, "NistP384": 384, "NistP521": 528, "SecP256K1": 256, "X25519": 256,
}

func (r Ring) hmac() (all []task.Task) {
	for _, bits := range hmacSizes {
		k := r.Key("HMAC", bits)
		for _, h := range hashes() {
			all = append(
				all,
				task.Task{Act: task.MAC, Key: k, Hash: h, In: message},
				task.Task{Act: task.HKDF, Key: k, Hash: h, Salt: aside, Info: short, Bits: 336},
			)
		}
		all = append(all, task.Task{Act: task.CheckValue, Key: k})
		all = append(all, exported(k)...)
	}
	t := task.Task{Act: task.HKDF, Key: r.Key("HMAC", 256), Hash: "SHA256", Bits: 256, Variant: "without salt and info"}
	return append(all, t)
}

func (r Ring) postQuantum() (all []task.Task) {
	for _, s := range sets {
		k := r.Key(s.kind, s.set)
		if s.kind == "MLDSA" {
			all = append(
				all,
				task.Task{Act: task.Sign, Key: k, In: message},
				task.Task{Act: task.Sign, Key: k, In: message, Context: aside, Variant: "with a context"},
				task.Task{Act: task.Sign, Key: k, In: message, How: task.Generated},
			)
		} else {
			all = append(all, task.Task{Act: task.Encapsulate, Key: k, Bits: 256})
		}
		all = append(all, task.Task{Act: task.PublicKey, Key: k})
		all = append(all, exported(k)...)
	}
	return all
}

func (r Ring) objects() (all []task.Task) {
	for _, kind := range []string{"SECRET", "OPAQUE", "CERTIFICATE"} {
		all = append(all, exported(r.Key(kind, ""))...)
	}
	return append(all, task.Task{Act: task.HKDF, Key: r.Key("SECRET", ""), Hash: "SHA256", Salt: aside, Info: short, Bits: 336})
}

func digests() (all []task.Task) {
	for _, h := range hashes() {
		all = append(all, task.Task{Act: task.Digest, Hash: h, In: message})
	}
	return all
}

// subjects are the keys that are wrapped.
func (r Ring) subjects() []*task.Key {
	all := []*task.Key{
		r.Key("AES", 192), r.Key("DES3", 112), r.Key("DES3", 168), r.Key("HMAC", 256), r.Key("SECRET", ""), r.Key("OPAQUE", ""),
		r.Key("CERTIFICATE", ""), r.Key("RSA", 2048),
	}
	for _, c := range curves {
		all = append(all, r.Key("EC", c.curve))
	}
	return append(all, r.Key("MLDSA", "MlDsa44"), r.Key("MLKEM", "MlKem768"))
}

func (r Ring) wrapping() (all []task.Task) {
	add := func(with, subject *task.Key, mode, hash string) {
		t := task.Task{Act: task.Wrap, Key: with, Subject: subject, Mode: mode, Hash: hash}
		if fits(t) {
			all = append(all, t)
		}
	}
	aes := r.Key("AES", 256)
	for _, bits := range aesSizes {
		for _, mode := range append([]string{"KW", "KWP"}, cipherModes...) {
			add(r.Key("AES", bits), aes, mode, "")
		}
	}
	for _, subject := range r.subjects() {
		for _, mode := range []string{"KW", "KWP", "CBC", "CTR", "GCM", "CCM"} {
			add(aes, subject, mode, "")
		}
	}
	for _, bits := range des3Sizes {
		for _, mode := range []string{"ECB", "CBC", "CBCNOPAD"} {
			add(r.Key("DES3", bits), aes, mode, "")
		}
	}
	for _, bits := range rsaSizes[1:] { // shorter ones wrap nothing
		add(r.Key("RSA", bits), aes, "PKCS1_V15", "")
		add(r.Key("RSA", bits), aes, "OAEP", "SHA256")
	}
	for _, h := range hashes() {
		if h != "SHA256" {
			add(r.Key("RSA", 2048), aes, "OAEP", h)
		}
	}
	for _, subject := range r.subjects() {
		if !subject.Asymmetric() {
			add(r.Key("RSA", 2048), subject, "PKCS1_V15", "")
			add(r.Key("RSA", 2048), subject, "OAEP", "SHA1")
		}
	}
	return all
}

// fits reports whether a subject is of a length that a mode wraps. PKCS#8 is of
// no length that could be relied on: KW is not for it.
func fits(t task.Task) bool {
	n := len(t.Subject.Private)
	switch t.Mode {
	case "KW":
		return n%8 == 0 && n >= 16 && !t.Subject.Asymmetric() && t.Subject.Type != "CERTIFICATE"
	case "PKCS1_V15":
		return n <= t.Key.Size/8-11
	case "OAEP":
		return n <= t.Key.Size/8-2*operations.Hash(t.Hash).Size()-2
	default:
		return true
	}
}
