package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// deriving registers the calls that make keys of keys.
func (s *server) deriving() {
	register(s, endpoint[deriveRequest, dsmwire.Sobject]{
		ID: "Derive", Method: http.MethodPost, Path: "/crypto/v1/derive", Tag: tagCrypto,
		Summary: "Derive a key from another", Status: http.StatusCreated,
		Do: func(ctx context.Context, c *call[deriveRequest]) (dsmwire.Sobject, error) {
			base, err := descriptor(c.Body.Key)
			if err != nil {
				return dsmwire.Sobject{}, err
			}
			return s.derive(ctx, c, base)
		},
	})
	register(s, endpoint[deriveRequest, dsmwire.Sobject]{
		ID: "DeriveByID", Method: http.MethodPost, Path: "/crypto/v1/keys/{kid}/derive", Tag: tagCrypto,
		Summary: "Derive a key from another (of the API before 3.0)", Status: http.StatusCreated,
		Do: func(ctx context.Context, c *call[deriveRequest]) (dsmwire.Sobject, error) {
			kid, err := pathID[id.Key](&c.request, "kid")
			if err != nil {
				return dsmwire.Sobject{}, err
			}
			return s.derive(ctx, c, keyring.Descriptor{ID: kid})
		},
	})
	register(s, endpoint[agreeRequest, dsmwire.Sobject]{
		ID: "Agree", Method: http.MethodPost, Path: "/crypto/v1/agree", Tag: tagCrypto,
		Summary: "Make a key from a private and a public one", Status: http.StatusCreated, Do: s.agree,
	})
	register(s, endpoint[dsmwire.EncapsulateKeyRequest, dsmwire.EncapsulateKeyResponse]{
		ID: "Encapsulate", Method: http.MethodPost, Path: "/crypto/v1/encapsulate", Tag: tagCrypto,
		Summary: "Make a key, and its capsule for who has the private key", Status: http.StatusCreated, Do: s.encapsulate,
	})
	register(s, endpoint[dsmwire.DecapsulateKeyRequest, dsmwire.Sobject]{
		ID: "Decapsulate", Method: http.MethodPost, Path: "/crypto/v1/decapsulate", Tag: tagCrypto,
		Summary: "Take a key out of its capsule", Status: http.StatusCreated, Do: s.decapsulate,
	})
}

// deriveRequest is a request with the export policy of the key that it makes.
type deriveRequest struct {
	dsmwire.DeriveKeyRequest

	Mechanism    deriveMechanism       `json:"mechanism"`
	ExportPolicy *dsmwire.ExportPolicy `json:"export_policy,omitempty"`
}

// deriveMechanism is a mechanism, or one that only the API has.
type deriveMechanism struct {
	dsmwire.DeriveKeyMechanism

	Bip32Master  *dsmwire.RawObject `json:"bip32_master_key,omitempty"`
	Bip32Child   *dsmwire.RawObject `json:"bip32_hardened_child,omitempty"`
	Slip10Master *dsmwire.RawObject `json:"slip10_master_key,omitempty"`
	Slip10Child  *dsmwire.RawObject `json:"slip10_hardened_child,omitempty"`
}

func (s *server) derive(ctx context.Context, c *call[deriveRequest], base keyring.Descriptor) (dsmwire.Sobject, error) {
	r := &c.Body
	order, err := newOrder(sobjectRequest{SobjectRequest: dsmwire.SobjectRequest{
		Name: r.Name, GroupID: r.GroupID, ObjType: r.KeyType, KeySize: r.KeySize, EllipticCurve: r.EllipticCurve,
		Description: r.Description, Enabled: r.Enabled, CustomMetadata: r.CustomMetadata, KeyOps: r.KeyOps, Transient: r.Transient,
		State: r.State, ActivationDate: r.ActivationDate, DeactivationDate: r.DeactivationDate, ExportPolicy: r.ExportPolicy,
	}})
	if err != nil {
		return dsmwire.Sobject{}, typeOfKey(err, r.KeyType)
	}
	p, err := s.Keyring.Make(ctx, c.Caller, base, order, func(k, _ keys.Key) (operations.Operation, error) {
		by, err := r.Mechanism.derivation(k)
		return operations.Derive{By: by}, err
	})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return product(p), nil
}

// typeOfKey names the field that these calls have for obj_type.
func typeOfKey(err error, given string) error {
	if given == "" {
		return missing("key_type")
	}
	return err
}

// derivation reads how a key is derived from k.
func (m deriveMechanism) derivation(k keys.Key) (operations.Derivation, error) {
	foreign := m.Bip32Master != nil || m.Bip32Child != nil || m.Slip10Master != nil || m.Slip10Child != nil
	switch {
	case foreign && m.EncryptData == nil && m.HKDF == nil:
		return nil, fault.New(fault.Unsupported, "mechanisms of BIP32 and SLIP10 are not supported")
	case foreign || (m.EncryptData == nil) == (m.HKDF == nil):
		return nil, fault.New(fault.Invalid, "mechanism must be exactly one of encrypt_data and hkdf")
	case m.HKDF != nil:
		h, err := operations.ParseHash(m.HKDF.HashAlg)
		return operations.HKDF{Hash: h, Salt: m.HKDF.Salt, Info: m.HKDF.Info}, err
	}
	if m.EncryptData.Key != nil {
		return nil, fault.New(fault.Invalid, "key is not for encrypt_data: the key that derives encrypts")
	}
	op, err := encrypting.operation(m.EncryptData, k)
	if err != nil {
		return nil, err
	}
	e, ok := op.(operations.Encrypt)
	if !ok {
		return nil, fault.New(fault.Internal, "an encryption was read as something else")
	}
	return operations.EncryptData{Encryption: e}, nil
}

// agreeRequest is a request with the export policy of the key that it makes.
type agreeRequest struct {
	dsmwire.AgreeKeyRequest

	ExportPolicy *dsmwire.ExportPolicy `json:"export_policy,omitempty"`
}

func (s *server) agree(ctx context.Context, c *call[agreeRequest]) (dsmwire.Sobject, error) {
	var none dsmwire.Sobject
	r := &c.Body
	switch r.Mechanism {
	case dsmwire.DiffieHellman:
	case "":
		return none, missing("mechanism")
	default:
		return none, fault.New(fault.Invalid, "mechanism is not one that the API knows")
	}
	base, err := descriptor(&r.PrivateKey)
	if err != nil {
		return none, fault.New(fault.Invalid, "private_key: %s", fault.Message(err))
	}
	peer, err := descriptor(&r.PublicKey)
	if err != nil {
		return none, fault.New(fault.Invalid, "public_key: %s", fault.Message(err))
	}
	if r.KeySize == nil {
		return none, missing("key_size")
	}
	order, err := newOrder(sobjectRequest{SobjectRequest: dsmwire.SobjectRequest{
		Name: r.Name, GroupID: r.GroupID, ObjType: r.KeyType, KeySize: r.KeySize,
		Description: r.Description, Enabled: r.Enabled, CustomMetadata: r.CustomMetadata, KeyOps: r.KeyOps, Transient: r.Transient,
		State: r.State, ActivationDate: r.ActivationDate, DeactivationDate: r.DeactivationDate, ExportPolicy: r.ExportPolicy,
	}})
	if err != nil {
		return none, typeOfKey(err, r.KeyType)
	}
	order.Peer = &peer
	p, err := s.Keyring.Make(ctx, c.Caller, base, order, func(_, peer keys.Key) (operations.Operation, error) {
		if len(peer.PublicKey) == 0 {
			return nil, fault.New(fault.Invalid, "public_key has no public key")
		}
		return operations.Agree{PeerPublicKey: peer.PublicKey}, nil
	})
	if err != nil {
		return none, err
	}
	return product(p), nil
}

func (s *server) encapsulate(ctx context.Context, c *call[dsmwire.EncapsulateKeyRequest]) (dsmwire.EncapsulateKeyResponse, error) {
	var none dsmwire.EncapsulateKeyResponse
	r := &c.Body
	base, err := descriptor(r.Key)
	if err != nil {
		return none, err
	}
	order, err := newOrder(sobjectRequest{SobjectRequest: dsmwire.SobjectRequest{
		Name: r.Name, GroupID: r.GroupID, ObjType: r.KeyType, KeySize: r.KeySize, KeyOps: r.KeyOps, Transient: r.Transient,
	}})
	if err != nil {
		return none, typeOfKey(err, r.KeyType)
	}
	p, err := s.Keyring.Make(ctx, c.Caller, base, order, func(keys.Key, keys.Key) (operations.Operation, error) {
		return operations.Encapsulate{}, nil
	})
	if err != nil {
		return none, err
	}
	return dsmwire.EncapsulateKeyResponse{Key: product(p), Ciphertext: present(p.Result.Output)}, nil
}

func (s *server) decapsulate(ctx context.Context, c *call[dsmwire.DecapsulateKeyRequest]) (dsmwire.Sobject, error) {
	r := &c.Body
	base, err := descriptor(r.Key)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	order, err := newOrder(sobjectRequest{SobjectRequest: dsmwire.SobjectRequest{
		Name: r.Name, GroupID: r.GroupID, ObjType: r.KeyType, KeySize: r.KeySize, KeyOps: r.KeyOps, Transient: r.Transient,
	}})
	if err != nil {
		return dsmwire.Sobject{}, typeOfKey(err, r.KeyType)
	}
	p, err := s.Keyring.Make(ctx, c.Caller, base, order, func(keys.Key, keys.Key) (operations.Operation, error) {
		return operations.Decapsulate{Cipher: r.Ciphertext}, nil
	})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return product(p), nil
}
