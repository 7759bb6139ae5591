// Package agreement compares the service's results with those of other people's
// cryptography: for every type, size, curve, operation, mode and hash that
// Gatehouse offers, in ordinary groups and in HSM groups, there and back.
//
// It guarantees that a row without a peer that could contradict the service is
// an error, unless the table says why; that what the table says is refused is
// refused; and that docs/agreement.md tells what the table holds. The table is
// complete: each type, curve, hash and permitted operation of core/keys and
// core/operations is in it, or the test of it fails. The tests of this folder
// use it; the parties are in the folders below.
package agreement

import (
	"gatehouse/features/agreement/circl"
	"gatehouse/features/agreement/gostd"
	"gatehouse/features/agreement/opensc"
	"gatehouse/features/agreement/openssl"
	"gatehouse/features/agreement/task"
)

// Kind is a kind of group.
type Kind string

// The kinds.
const (
	Ordinary Kind = "ordinary group"
	HSM      Kind = "HSM group"
)

// Kinds lists both.
func Kinds() []Kind { return []Kind{Ordinary, HSM} }

// Peer is somebody else's cryptography.
type Peer string

// The peers.
const (
	OpenSSL Peer = "OpenSSL"
	Go      Peer = "Go"
	Tool    Peer = "pkcs11-tool"
	CIRCL   Peer = "CIRCL"
)

// Peers lists all.
func Peers() []Peer { return []Peer{OpenSSL, Go, Tool, CIRCL} }

// Directions are the halves of a task that a peer does.
type Directions int

// The directions.
const (
	Neither Directions = 0
	Opens   Directions = 1 // what the service has made
	Makes   Directions = 2 // what the service opens
	Both               = Opens | Makes
)

// Does tells which halves of t a peer does with keys of a kind of group, as far
// as the service offers the other half, and why not all of them.
func Does(p Peer, k Kind, t task.Task) (d Directions, why string) {
	offered, _ := Offers(k, t)
	whole := Neither // what a peer can do at most
	if offered&Makes != 0 {
		whole |= Opens
	}
	if offered&Opens != 0 {
		whole |= Makes
	}
	switch p {
	case OpenSSL:
		why = openssl.Cannot(t)
	case Go:
		why = gostd.Cannot(t)
	case CIRCL:
		why = circl.Cannot(t)
	case Tool:
		if k != HSM {
			return Neither, ""
		}
		why = opensc.Cannot(t)
	}
	if why == "" {
		why = spared(p, t)
	}
	if why != "" {
		return Neither, why
	}
	if p == Tool && opensc.CannotMake(t) != "" && whole&Makes != 0 {
		return whole &^ Makes, opensc.CannotMake(t)
	}
	if p == Tool && opensc.CannotCheck(t) != "" && whole&Opens != 0 {
		return whole &^ Opens, opensc.CannotCheck(t)
	}
	return whole, ""
}

// spared tells why a program that could is not asked: each question is a process.
// What is left asks about every key, every mode and every hash.
func spared(p Peer, t task.Task) string {
	if p == Tool && t.Act == task.Wrap && t.Mode != "KW" && (t.Subject.Type != "AES" || t.Subject.Size != 256) {
		return "pkcs11-tool is asked about every wrapped key with KW, and with the other modes about AES 256: each question is several processes"
	}
	if p != OpenSSL && p != Tool || t.Key == nil || t.Hash == "" || t.Hash == "SHA256" || t.Hash == "SHA512" {
		return ""
	}
	usual := map[string]string{"RSA": "2048", "EC": "NistP256", "HMAC": "256"}[t.Key.Type]
	if usual == "" || t.Key.Kind() == usual || t.Key.Curve == "SecP256K1" && p == OpenSSL || t.Act == task.Wrap {
		return ""
	}
	return "for each hash, programs are asked about one key of a type (RSA 2048, P-256, HMAC 256), and for SHA-256 and SHA-512 about all: each question is a process"
}

// Once reports whether an act's result can come out in one way only, so that
// comparing the two is all there is to do.
func Once(a task.Act) bool {
	switch a {
	case task.Digest, task.ValueDigest, task.Value, task.PublicKey, task.CheckValue, task.Agree, task.HKDF, task.EncryptData:
		return true
	case task.Encrypt, task.Sign, task.MAC, task.Wrap, task.Encapsulate:
		return false
	default:
		return false
	}
}
