package opensc

import (
	"context"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"gatehouse/core/hsm"
	"gatehouse/features/agreement/task"
)

// wrap wraps the subject, which is in the token too.
func (p *Party) wrap(ctx context.Context, t task.Task, args []string) ([]byte, error) {
	id, err := p.ID(ctx, t.Subject, "")
	if err != nil {
		return nil, err
	}
	return p.run(ctx, t, nil, append([]string{"--wrap", "--application-id", hex.EncodeToString(id)}, args...)...)
}

// keyTypes are those that the tool makes of what it unwraps.
var keyTypes = map[string]string{"AES": "AES:", "HMAC": "GENERIC:", "SECRET": "GENERIC:"}

// unwrap makes a key in the token of what is wrapped, reads its value, and
// removes it.
func (p *Party) unwrap(ctx context.Context, t task.Task, m task.Made, args []string) (err error) {
	made := fmt.Sprintf("%08x", p.calls.Add(1)) // a CKA_ID that nobody else has
	id, err := hex.DecodeString("ffff" + made)
	if err != nil {
		return err
	}
	_, err = p.run(ctx, t, m.Out, append([]string{
		"--unwrap", "--key-type", keyTypes[t.Subject.Type], "--application-id", hex.EncodeToString(id), "--extractable",
	}, args...)...)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // nothing is written of a key that is unwrapped
		return err
	}
	defer func() { err = errors.Join(err, p.Tool.Delete(ctx, hsm.SecretKey, id, nil)) }()
	file, err := p.write("value-*", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	p.calls.Add(1)
	if _, err := p.Tool.Run(ctx, "--read-object", "--type", "secrkey", "--id", hex.EncodeToString(id), "--output-file", file); err != nil {
		return err
	}
	value, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return task.Same("the key", value, t.Subject.Private)
}

// digestOIDs are those of SHA-3 (NIST's arc for hash functions).
var digestOIDs = map[string]asn1.ObjectIdentifier{
	"SHA3_224": {2, 16, 840, 1, 101, 3, 4, 2, 7}, "SHA3_256": {2, 16, 840, 1, 101, 3, 4, 2, 8},
	"SHA3_384": {2, 16, 840, 1, 101, 3, 4, 2, 9}, "SHA3_512": {2, 16, 840, 1, 101, 3, 4, 2, 10},
}

// digestInfo is what PKCS #1 v1.5 signs (RFC 8017, 9.2).
func digestInfo(hash string, data []byte) ([]byte, error) {
	type algorithm struct {
		ID   asn1.ObjectIdentifier
		Null asn1.RawValue
	}
	return asn1.Marshal(struct {
		Algorithm algorithm
		Digest    []byte
	}{algorithm{digestOIDs[hash], asn1.NullRawValue}, digest(hash, data)})
}
