package agreement_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"gatehouse/features/agreement"
	"gatehouse/features/agreement/circl"
	"gatehouse/features/agreement/gostd"
	"gatehouse/features/agreement/openssl"
	"gatehouse/features/agreement/task"
)

// TestCCM holds what the peers put together themselves to published examples.
func TestCCM(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tc := range map[string]struct{ key, nonce, ad, in, out, tag string }{
		"NIST SP 800-38C, example 1": {
			"404142434445464748494a4b4c4d4e4f", "10111213141516", "0001020304050607", "20212223", "7162015b", "4dac255d",
		},
		"RFC 3610, packet vector 1": {
			"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000003020100a0a1a2a3a4a5", "0001020304050607",
			"08090a0b0c0d0e0f101112131415161718191a1b1c1d1e", "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384", "17e8d12cfdf926e0",
		},
	} {
		row := task.Task{
			Act: task.Encrypt, Key: &task.Key{Type: "AES", Size: 128, Private: unhex(tc.key)}, Mode: "CCM",
			In: unhex(tc.in), IV: unhex(tc.nonce), AD: unhex(tc.ad), TagBits: 4 * len(tc.tag),
		}
		for peer, p := range map[string]task.Party{"Go": &gostd.Party{}, "OpenSSL": &openssl.Party{Dir: t.TempDir()}} {
			t.Run(name+" by "+peer, func(t *testing.T) {
				t.Parallel()
				m, err := p.Make(t.Context(), row)
				if err != nil || !bytes.Equal(m.Out, unhex(tc.out)) || !bytes.Equal(m.Tag, unhex(tc.tag)) {
					t.Errorf("got %x, tag %x and error %v, want %s, tag %s", m.Out, m.Tag, err, tc.out, tc.tag)
				}
				if err := p.Check(t.Context(), row, m); err != nil {
					t.Errorf("it does not open it again: %v", err)
				}
			})
		}
	}
}

// TestPeersSayNo: a peer that agrees with anything would prove nothing.
func TestPeersSayNo(t *testing.T) {
	t.Parallel()
	peers := map[agreement.Peer]task.Party{
		agreement.Go: &gostd.Party{}, agreement.OpenSSL: &openssl.Party{Dir: t.TempDir()}, agreement.CIRCL: circl.Party{},
	}
	seen := map[agreement.Peer]map[task.Act]bool{}
	for _, row := range agreement.Table(ring(t)) {
		for name, p := range peers {
			if does, _ := agreement.Does(name, agreement.Ordinary, row); does != agreement.Both || seen[name][row.Act] {
				continue // one of each act will do
			}
			if seen[name] == nil {
				seen[name] = map[task.Act]bool{}
			}
			seen[name][row.Act] = true
			t.Run(string(name)+", "+row.String(), func(t *testing.T) {
				t.Parallel()
				m, err := p.Make(t.Context(), row)
				if err != nil {
					t.Fatal(err)
				}
				made := row         // which is other peers' too
				if len(m.Key) > 0 { // it took a key of its own
					key := *row.Key
					key.Private = m.Key
					made.Key = &key
				}
				if err := p.Check(t.Context(), made, m); err != nil {
					t.Errorf("it does not take what it has made itself: %v", err)
				}
				m.Out = bytes.Clone(m.Out)
				m.Out[0] ^= 0x80
				if p.Check(t.Context(), made, m) == nil {
					t.Error("it takes it with a bit changed, too")
				}
			})
		}
	}
	for name := range peers {
		if len(seen[name]) < 3 {
			t.Errorf("%s: only %d acts were tried", name, len(seen[name]))
		}
	}
}
