// Package vectors plays published test vectors through the service's REST API:
// those of Project Wycheproof (its JSON files, version 1 of the schema) and of
// NIST's Cryptographic Algorithm Validation Program (its .rsp files).
//
// It guarantees that no vector is passed over in silence: each agrees, differs,
// or is counted under the reason for which it could not be played, be it that
// the API has no words for it or that a group refuses it as unsupported. The
// tests of this folder and `make vectors` use it. A Desk is safe for concurrent
// use; the rest are values.
package vectors

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/adapters/dsmwire"
)

// Act is what is done with a vector.
type Act string

// The acts.
const (
	Encrypt   Act = "encrypt"
	Decrypt   Act = "decrypt"
	Sign      Act = "sign"
	Verify    Act = "verify"
	MAC       Act = "make a MAC"
	VerifyMAC Act = "verify a MAC"
	Digest    Act = "digest"
	Wrap      Act = "wrap"
	Unwrap    Act = "unwrap"
	Agree     Act = "agree"
	Derive    Act = "derive"
)

// Want is what the act has to end in.
type Want int

// The ends.
const (
	Agrees  Want = iota // Out, or yes
	Refuses             // a refusal, or no
	Either              // what is legal and unwise
)

// Case is one thing to do. Empty fields are not sent.
type Case struct {
	Name string // of the vector in its file
	Act  Act
	Want Want

	Type string // obj_type of the key
	Key  []byte // its value: PKCS #8, SubjectPublicKeyInfo, or as it is
	Peer []byte // Agree: the other's SubjectPublicKeyInfo

	Mode          *dsmwire.Mode
	Hash          string
	IV, AD, Label []byte
	Context       []byte // of an ML-DSA signature
	Salt, Info    []byte // of HKDF
	In            []byte // plaintext, message, ciphertext, wrapped key
	Out           []byte // what comes out; with Verify and VerifyMAC, what is verified
	Tag           []byte
}

// File is the vectors of one file.
type File struct {
	Path  string // within the folder
	Cases []Case
	Left  map[string]int // vectors that the API has no words for, by reason
}

func (f *File) leave(reason string, n int) {
	if f.Left == nil {
		f.Left = map[string]int{}
	}
	f.Left[reason] += n
}

// ErrNone tells that a folder holds no vectors.
var ErrNone = errors.New("there are no test vectors here")

// Load reads all files of vectors in dir and below: *.json of Wycheproof and
// *.rsp of NIST, packed by gzip too. It wraps ErrNone when it finds none.
func Load(dir string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimSuffix(path, ".gz")
		var parse func(name string, raw []byte, f *File) error
		switch filepath.Ext(name) {
		case ".json":
			parse = wycheproof
		case ".rsp":
			parse = nist
		default:
			return nil
		}
		raw, err := read(path)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		f := File{Path: path}
		if within, err := filepath.Rel(dir, path); err == nil {
			f.Path = within
		}
		if err := parse(filepath.Base(name), raw, &f); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if len(f.Cases)+len(f.Left) > 0 {
			files = append(files, f)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: %w", dir, ErrNone)
	}
	return files, err
}

func read(path string) (raw []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if filepath.Ext(path) != ".gz" {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
