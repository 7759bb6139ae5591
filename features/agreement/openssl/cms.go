package openssl

import (
	"context"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"

	"gatehouse/features/agreement/task"
)

// The parts of a CMS message for one recipient who has the key encryption key
// already (RFC 5652, 6.2.3), with AES-GCM (RFC 5083, RFC 5084).
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content authEnvelopedData `asn1:"explicit,tag:0"`
	}
	authEnvelopedData struct {
		Version    int
		Recipients asn1.RawValue // a set of one kekRecipient
		Content    encryptedContent
		MAC        []byte
	}
	kekRecipient struct { // a choice: [2]
		Version   int
		ID        kekID
		Algorithm algorithm
		Key       []byte
	}
	kekID     struct{ ID []byte }
	algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	encryptedContent struct {
		Type      asn1.ObjectIdentifier
		Algorithm algorithm
		Content   []byte `asn1:"tag:0"`
	}
	gcmParameters struct {
		Nonce []byte
		Tag   int `asn1:"optional,default:12"`
	}
)

var (
	oidAuthEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}
	oidData              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidWrap256           = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 45}
	oidGCM               = map[int]asn1.ObjectIdentifier{
		128: {2, 16, 840, 1, 101, 3, 4, 1, 6}, 192: {2, 16, 840, 1, 101, 3, 4, 1, 26}, 256: {2, 16, 840, 1, 101, 3, 4, 1, 46},
	}
)

// envelope is a key encryption key for one message.
func envelope() *task.Key {
	k := &task.Key{Type: "AES", Size: 256, Private: make([]byte, 32)}
	_, _ = rand.Read(k.Private) // never fails
	return k
}

// sealCMS has the program write a message, with a key of its own choice.
func (p *Party) sealCMS(ctx context.Context, t task.Task) (m task.Made, err error) {
	kek := envelope()
	der, err := p.run(ctx, t.Plain(), "cms", "-encrypt", "-binary", "-outform", "DER", fmt.Sprintf("-aes-%d-gcm", t.Key.Size),
		"-secretkey", hexed(kek.Private), "-secretkeyid", "01")
	if err != nil {
		return m, err
	}
	var c contentInfo
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return m, fmt.Errorf("reading a CMS message: %w", err)
	}
	var r kekRecipient
	if _, err := asn1.UnmarshalWithParams(c.Content.Recipients.Bytes, &r, "tag:2"); err != nil {
		return m, fmt.Errorf("reading a CMS recipient: %w", err)
	}
	var g gcmParameters
	if _, err := asn1.Unmarshal(c.Content.Content.Algorithm.Parameters.FullBytes, &g); err != nil {
		return m, fmt.Errorf("reading GCM parameters: %w", err)
	}
	if len(c.Content.MAC) != g.Tag {
		return m, errors.New("the message's MAC is of another length than it says")
	}
	m = task.Made{Out: c.Content.Content.Content, IV: g.Nonce, Tag: c.Content.MAC}
	m.Key, err = p.enc(ctx, kek, "-d", "-id-aes256-wrap", keyWraps["KW"].iv, r.Key)
	return m, err
}

// openCMS has the program read a ciphertext, put into a message.
func (p *Party) openCMS(ctx context.Context, t task.Task, m task.Made) ([]byte, error) {
	kek := envelope()
	wrapped, err := p.enc(ctx, kek, "-e", "-id-aes256-wrap", keyWraps["KW"].iv, t.Key.Private)
	if err != nil {
		return nil, err
	}
	parameters, err := asn1.Marshal(gcmParameters{m.IV, len(m.Tag)})
	if err != nil {
		return nil, err
	}
	recipient, err := asn1.MarshalWithParams(kekRecipient{4, kekID{[]byte{1}}, algorithm{ID: oidWrap256}, wrapped}, "tag:2")
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(contentInfo{oidAuthEnvelopedData, authEnvelopedData{
		Recipients: asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: recipient},
		Content: encryptedContent{
			Type: oidData, Algorithm: algorithm{ID: oidGCM[t.Key.Size], Parameters: asn1.RawValue{FullBytes: parameters}}, Content: m.Out,
		},
		MAC: m.Tag,
	}})
	if err != nil {
		return nil, err
	}
	return p.run(ctx, der, "cms", "-decrypt", "-binary", "-inform", "DER", "-secretkey", hexed(kek.Private))
}
