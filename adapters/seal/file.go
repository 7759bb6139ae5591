package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// KeyFile is a file of master keys and the ring that they make. It is text: the
// line keyFileHeader, then for each key a line of its public id, a blank and
// the base64 of its 32 bytes, the newest key first:
//
//	gatehouse master keys 1
//	a1b2c3d4e5f60718 3q2+7w…=
//
// The id proves that the line is whole. Who loses the file loses everything
// that the store holds sealed: back it up, apart from the store.
//
// A rotation is Begin, resealing everything in the store, Finish. Each of the
// three may be interrupted at any point and begun again. Between Begin and
// resealing every other process that seals for the same store must Reload:
// until then it seals under the old key, which Finish removes.
type KeyFile struct {
	path string
	ring *Ring
	step func(string) error // called after each step of a change; tests interrupt there
}

const keyFileHeader = "gatehouse master keys 1"

// OpenKeyFile reads the key file at path. Invalid, saying what to do, when it
// is missing, not a regular file, readable by others, or damaged.
func OpenKeyFile(path string) (*KeyFile, error) {
	k := &KeyFile{path: path, ring: &Ring{}, step: func(string) error { return nil }}
	if err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// CreateKeyFile makes the key file at path with one random master key and opens
// it; a file that is there already is opened as it is, so that an interrupted
// first start can be repeated. Use it only for a store in which nothing is
// sealed yet: a new master key opens nothing of an old one. The file is on the
// disk on return.
func CreateKeyFile(path string) (*KeyFile, error) {
	unlock, err := lock(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the key file %s cannot be made: name a place where the service may write", path)
	}
	defer unlock()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		k := &KeyFile{path: path, step: func(string) error { return nil }}
		keys := []secret.Value{newKey()}
		defer wipe(keys)
		if err := k.write(keys); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the key file %s cannot be made: name a place where the service may write", path)
		}
	}
	return OpenKeyFile(path)
}

// Ring returns the sealer, which follows the changes that are made through k.
func (k *KeyFile) Ring() *Ring { return k.ring }

// Reload reads the file again, after another process has changed it. On error
// the ring stays as it was.
func (k *KeyFile) Reload() error {
	keys, err := k.read()
	if err != nil {
		return err
	}
	defer wipe(keys)
	return k.ring.replace(keys)
}

// Rotating reports whether the ring holds older keys than the newest: a
// rotation has begun and is not finished.
func (k *KeyFile) Rotating() bool { return len(k.ring.IDs()) > 1 }

// Begin puts a new master key in front of the ring, in the file first. If a
// rotation has begun already, here or in another process, it joins that one. On
// return everything new is sealed under the newest key, and everything old
// opens still. Internal when the file cannot be changed; then the ring goes on
// as it was.
func (k *KeyFile) Begin() error {
	return k.change(func(keys []secret.Value) []secret.Value {
		if len(keys) > 1 {
			return keys
		}
		return append([]secret.Value{newKey()}, keys...)
	})
}

// Finish removes all keys but the newest. Everything that the store holds must
// have been resealed: what was not is lost. Internal when the file cannot be
// changed; then the ring goes on with all keys.
func (k *KeyFile) Finish() error {
	return k.change(func(keys []secret.Value) []secret.Value { return keys[:1] })
}

func (k *KeyFile) change(to func([]secret.Value) []secret.Value) error {
	unlock, err := lock(k.path)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "locking the key file %s", k.path)
	}
	defer unlock()
	keys, err := k.read()
	if err != nil {
		return err
	}
	defer wipe(keys)
	changed := to(keys)
	defer wipe(changed)
	if len(changed) != len(keys) {
		if err := k.write(changed); err != nil {
			return fault.Wrap(fault.Internal, err, "changing the key file %s", k.path)
		}
	}
	return k.ring.replace(changed)
}

func (k *KeyFile) read() ([]secret.Value, error) {
	text, err := readPrivate(k.path, "the key file")
	if err != nil {
		return nil, err
	}
	defer clear(text)
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the key file %s is damaged: put it back from its backup", k.path)
	}
	return keys, nil
}

func (k *KeyFile) write(keys []secret.Value) error {
	text, err := formatKeys(keys)
	if err != nil {
		return err
	}
	defer clear(text)
	return replacePrivate(k.path, text, k.step)
}

func newKey() secret.Value {
	raw := make([]byte, KeySize)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	return secret.New(raw)
}

func wipe(keys []secret.Value) {
	for _, v := range keys {
		v.Wipe()
	}
}

func formatKeys(keys []secret.Value) ([]byte, error) {
	text := make([]byte, 0, len(keyFileHeader)+1+len(keys)*(2*len(keyID{})+2+base64.StdEncoding.EncodedLen(KeySize)))
	text = append(text, keyFileHeader+"\n"...)
	for _, v := range keys {
		m, err := newMaster(v)
		if err != nil {
			return nil, err
		}
		text = append(text, m.id.String()+" "...)
		text = base64.StdEncoding.AppendEncode(text, v.Reveal(reveal.Permit{}))
		text = append(text, '\n')
	}
	return text, nil
}

// parseKeys reads what formatKeys writes, and nothing else.
func parseKeys(text []byte) ([]secret.Value, error) {
	rest, found := bytes.CutPrefix(text, []byte(keyFileHeader+"\n"))
	if !found {
		return nil, fmt.Errorf("its first line is not %q", keyFileHeader)
	}
	var keys []secret.Value
	for line := range bytes.Lines(rest) {
		line, whole := bytes.CutSuffix(line, []byte("\n"))
		id, encoded, _ := bytes.Cut(line, []byte(" "))
		raw, err := base64.StdEncoding.Strict().AppendDecode(nil, encoded)
		if err != nil || !whole || len(encoded) != base64.StdEncoding.EncodedLen(KeySize) {
			return nil, fmt.Errorf("line %d is not a key", len(keys)+2)
		}
		v := secret.New(raw)
		m, err := newMaster(v)
		if err != nil || m.id.String() != string(id) {
			return nil, fmt.Errorf("line %d is not whole", len(keys)+2)
		}
		keys = append(keys, v)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no key")
	}
	return keys, nil
}
