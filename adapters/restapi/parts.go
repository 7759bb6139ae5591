package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// parts registers encryption and decryption in parts.
func (s *server) parts() {
	registerPart(s, "encrypt", "init", "Begin to encrypt in parts", s.encryptInit)
	registerPart(s, "encrypt", "update", "Encrypt the next part", s.encryptUpdate)
	registerPart(s, "encrypt", "final", "End an encryption in parts", s.encryptFinal)
	registerPart(s, "decrypt", "init", "Begin to decrypt in parts", s.decryptInit)
	registerPart(s, "decrypt", "update", "Decrypt the next part", s.decryptUpdate)
	registerPart(s, "decrypt", "final", "End a decryption in parts", s.decryptFinal)
}

func registerPart[B, R any](s *server, what, part, summary string, do func(context.Context, *call[B]) (R, error)) {
	names := map[string]string{"encrypt": "Encrypt", "decrypt": "Decrypt", "init": "Init", "update": "Update", "final": "Final"}
	register(s, endpoint[B, R]{
		ID: names[what] + names[part], Method: http.MethodPost, Path: "/crypto/v1/" + what + "/" + part, Tag: tagCrypto,
		Summary: summary, Quiet: true, Do: do,
	})
}

func (s *server) encryptInit(ctx context.Context, c *call[dsmwire.EncryptInitRequest]) (dsmwire.EncryptInitResponse, error) {
	r := &c.Body
	if r.Alg == "" {
		return dsmwire.EncryptInitResponse{}, missing("alg")
	}
	k, res, err := s.begin(ctx, c.Caller, r.Key, r.Alg, r.Mode, operations.Begin{IV: r.IV, AD: r.AD})
	if err != nil {
		return dsmwire.EncryptInitResponse{}, err
	}
	return dsmwire.EncryptInitResponse{KID: string(k.ID), IV: res.IV, State: res.State}, nil
}

func (s *server) decryptInit(ctx context.Context, c *call[dsmwire.DecryptInitRequest]) (dsmwire.DecryptInitResponse, error) {
	r := &c.Body
	k, res, err := s.begin(ctx, c.Caller, r.Key, r.Alg, r.Mode, operations.Begin{Decrypt: true, IV: r.IV, AD: r.AD})
	if err != nil {
		return dsmwire.DecryptInitResponse{}, err
	}
	return dsmwire.DecryptInitResponse{KID: string(k.ID), State: res.State}, nil
}

func (s *server) begin(ctx context.Context, c access.Caller, key *dsmwire.SobjectDescriptor, alg string, m *dsmwire.Mode, b operations.Begin) (keys.Key, operations.Result, error) {
	d, err := descriptor(key)
	if err != nil {
		return keys.Key{}, operations.Result{}, err
	}
	return s.Keyring.Begin(ctx, c, d, func(k keys.Key) (operations.Operation, error) {
		if alg != "" {
			if err := checkAlg(alg, k); err != nil {
				return nil, err
			}
		}
		if k.Type == keys.RSA {
			return nil, fault.New(fault.Invalid, "a key of type RSA cannot encrypt or decrypt in parts")
		}
		var err error
		b.Mode, _, err = cryptMode(m, k)
		return b, err
	})
}

func (s *server) encryptUpdate(ctx context.Context, c *call[dsmwire.EncryptUpdateRequest]) (dsmwire.EncryptUpdateResponse, error) {
	r := &c.Body
	if r.Plain == nil {
		return dsmwire.EncryptUpdateResponse{}, missing("plain")
	}
	res, err := s.goOn(ctx, c.Caller, r.Key, r.State, func(state []byte) operations.Operation {
		return operations.Continue{State: state, Input: r.Plain}
	})
	if err != nil {
		return dsmwire.EncryptUpdateResponse{}, err
	}
	return dsmwire.EncryptUpdateResponse{Cipher: present(res.Output), State: res.State}, nil
}

func (s *server) decryptUpdate(ctx context.Context, c *call[dsmwire.DecryptUpdateRequest]) (dsmwire.DecryptUpdateResponse, error) {
	r := &c.Body
	if r.Cipher == nil {
		return dsmwire.DecryptUpdateResponse{}, missing("cipher")
	}
	res, err := s.goOn(ctx, c.Caller, r.Key, r.State, func(state []byte) operations.Operation {
		return operations.Continue{Decrypt: true, State: state, Input: r.Cipher}
	})
	if err != nil {
		return dsmwire.DecryptUpdateResponse{}, err
	}
	return dsmwire.DecryptUpdateResponse{Plain: present(res.Output), State: res.State}, nil
}

func (s *server) encryptFinal(ctx context.Context, c *call[dsmwire.EncryptFinalRequest]) (dsmwire.EncryptFinalResponse, error) {
	r := &c.Body
	bits := 0
	if r.TagLen != nil {
		if bits = *r.TagLen; bits <= 0 || bits > maxTagBits {
			return dsmwire.EncryptFinalResponse{}, fault.New(fault.Invalid, "tag_len is not possible in this mode")
		}
	}
	res, err := s.goOn(ctx, c.Caller, r.Key, r.State, func(state []byte) operations.Operation {
		return operations.Finish{State: state, TagBits: bits}
	})
	if err != nil {
		return dsmwire.EncryptFinalResponse{}, err
	}
	return dsmwire.EncryptFinalResponse{Cipher: present(res.Output), Tag: res.Tag}, nil
}

func (s *server) decryptFinal(ctx context.Context, c *call[dsmwire.DecryptFinalRequest]) (dsmwire.DecryptFinalResponse, error) {
	r := &c.Body
	res, err := s.goOn(ctx, c.Caller, r.Key, r.State, func(state []byte) operations.Operation {
		return operations.Finish{Decrypt: true, State: state, Tag: r.Tag}
	})
	if err != nil {
		return dsmwire.DecryptFinalResponse{}, err
	}
	return dsmwire.DecryptFinalResponse{Plain: present(res.Output)}, nil
}

// goOn does a further part. The key may be left out: the state knows it.
func (s *server) goOn(ctx context.Context, c access.Caller, key *dsmwire.SobjectDescriptor, state []byte, build func([]byte) operations.Operation) (operations.Result, error) {
	if len(state) == 0 {
		return operations.Result{}, missing("state")
	}
	var d keyring.Descriptor
	if key != nil {
		var err error
		if d, err = descriptor(key); err != nil {
			return operations.Result{}, err
		}
	}
	return s.Keyring.Continue(ctx, c, d, state, build)
}
