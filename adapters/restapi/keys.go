package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

const tagKeys = "Security objects"

// shownParams let a single key be found at the end of its life.
var shownParams = []param{
	{Name: "show_destroyed", Doc: "Find the key even if it is destroyed", Type: "boolean"},
	{Name: "show_deleted", Doc: "Find the key even if it is deleted; by its id", Type: "boolean"},
}

// keys registers /crypto/v1/keys.
func (s *server) keys() {
	register(s, endpoint[sobjectRequest, dsmwire.Sobject]{
		ID: "CreateSobject", Method: http.MethodPost, Path: "/crypto/v1/keys", Tag: tagKeys,
		Summary: "Generate a key; in an HSM group it is made in the HSM", Status: http.StatusCreated, Do: s.generateKey,
	})
	register(s, endpoint[sobjectRequest, dsmwire.Sobject]{
		ID: "ImportSobject", Method: http.MethodPut, Path: "/crypto/v1/keys", Tag: tagKeys,
		Summary: "Import a key; in an HSM group it goes into the HSM", Status: http.StatusCreated, Do: s.importKey,
	})
	register(s, endpoint[none, keyList]{
		ID: "GetAllSobjects", Method: http.MethodGet, Path: "/crypto/v1/keys", Tag: tagKeys,
		Summary: "List keys", Query: listParams, Encode: encodeKeyList, Do: s.listKeys,
	})
	register(s, endpoint[dsmwire.SobjectDescriptor, dsmwire.Sobject]{
		ID: "GetSobjectInfo", Method: http.MethodPost, Path: "/crypto/v1/keys/info", Tag: tagKeys,
		Summary: "Find a key by its id or name", Query: shownParams, Do: s.findKey,
	})
	register(s, endpoint[none, dsmwire.Sobject]{
		ID: "GetSobject", Method: http.MethodGet, Path: "/crypto/v1/keys/{kid}", Tag: tagKeys,
		Summary: "Find a key by its id (of the API before 5.0)", Query: shownParams, Do: s.findKeyByPath,
	})
	register(s, endpoint[sobjectRequest, dsmwire.Sobject]{
		ID: "UpdateSobject", Method: http.MethodPatch, Path: "/crypto/v1/keys/{kid}", Tag: tagKeys,
		Summary: "Change a key's metadata and permissions", Do: s.updateKey,
	})
	register(s, endpoint[none, none]{
		ID: "DeleteSobject", Method: http.MethodDelete, Path: "/crypto/v1/keys/{kid}", Tag: tagKeys,
		Summary: "Delete a key; the key in an HSM stays unless the group's policy says otherwise", Do: s.deleteKey,
	})
	register(s, endpoint[dsmwire.SobjectDescriptor, dsmwire.Sobject]{
		ID: "ExportSobject", Method: http.MethodPost, Path: "/crypto/v1/keys/export", Tag: tagKeys,
		Summary: "Read a key with its value", Do: s.exportKey,
	})
	register(s, endpoint[none, dsmwire.Sobject]{
		ID: "ExportSobjectByID", Method: http.MethodGet, Path: "/crypto/v1/keys/{kid}/export", Tag: tagKeys,
		Summary: "Read a key with its value (of the API before 5.0)", Do: s.exportKeyByPath,
	})
	register(s, endpoint[dsmwire.KCVRequest, dsmwire.KCVResponse]{
		ID: "GetKcv", Method: http.MethodPost, Path: "/crypto/v1/keys/kcv", Tag: tagKeys,
		Summary: "Read the key check value of a symmetric key", Do: s.kcv,
	})
	s.values()
	s.lifecycle()
}

func (s *server) generateKey(ctx context.Context, c *call[sobjectRequest]) (dsmwire.Sobject, error) {
	group, spec, err := newKeySpec(&c.Body)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	if !c.Body.Value.IsZero() {
		return dsmwire.Sobject{}, errGenerateValue()
	}
	if c.Body.KCV != "" {
		return dsmwire.Sobject{}, fault.New(fault.Invalid, "kcv is for imports; this call generates a key")
	}
	if isSet(c.Body.Transient) {
		return transient(s.Keyring.GenerateTransient(ctx, c.Caller, group, spec))
	}
	k, err := s.Keyring.Generate(ctx, c.Caller, group, spec)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

func (s *server) importKey(ctx context.Context, c *call[sobjectRequest]) (dsmwire.Sobject, error) {
	group, spec, err := newKeySpec(&c.Body)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	if c.Body.KCV != "" {
		if err := s.Keyring.CheckKCV(ctx, c.Caller, keyring.Inline{Type: spec.Type, Value: c.Body.Value.Secret()}, c.Body.KCV); err != nil {
			return dsmwire.Sobject{}, err
		}
	}
	if isSet(c.Body.Transient) {
		return transient(s.Keyring.ImportTransient(ctx, c.Caller, group, spec, c.Body.Value.Secret()))
	}
	k, err := s.Keyring.Import(ctx, c.Caller, group, spec, c.Body.Value.Secret())
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

func (s *server) findKey(ctx context.Context, c *call[dsmwire.SobjectDescriptor]) (dsmwire.Sobject, error) {
	d, err := descriptor(&c.Body)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return s.found(ctx, &c.request, d)
}

func (s *server) findKeyByPath(ctx context.Context, c *call[none]) (dsmwire.Sobject, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return s.found(ctx, &c.request, keyring.Descriptor{ID: kid})
}

func (s *server) found(ctx context.Context, r *request, d keyring.Descriptor) (dsmwire.Sobject, error) {
	var show keyring.Shown
	for name, to := range map[string]*bool{"show_destroyed": &show.Destroyed, "show_deleted": &show.Deleted} {
		if r.query().Has(name) {
			var err error
			if *to, err = queryBool(r.query(), name); err != nil {
				return dsmwire.Sobject{}, err
			}
		}
	}
	k, err := s.Keyring.Lookup(ctx, r.Caller, d, show)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

func (s *server) updateKey(ctx context.Context, c *call[sobjectRequest]) (dsmwire.Sobject, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	k, err := s.Keyring.Find(ctx, c.Caller, keyring.Descriptor{ID: kid})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	change, err := keyChange(&c.Body, k)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	if k, err = s.Keyring.Update(ctx, c.Caller, kid, change); err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

func (s *server) deleteKey(ctx context.Context, c *call[none]) (none, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return none{}, err
	}
	return none{}, s.Keyring.Delete(ctx, c.Caller, kid)
}

func (s *server) exportKey(ctx context.Context, c *call[dsmwire.SobjectDescriptor]) (dsmwire.Sobject, error) {
	d, err := descriptor(&c.Body)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return s.exported(ctx, &c.request, d)
}

func (s *server) exportKeyByPath(ctx context.Context, c *call[none]) (dsmwire.Sobject, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return s.exported(ctx, &c.request, keyring.Descriptor{ID: kid})
}

func (s *server) exported(ctx context.Context, r *request, d keyring.Descriptor) (dsmwire.Sobject, error) {
	k, value, err := s.Keyring.Export(ctx, r.Caller, d)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	o := sobject(k, everything)
	o.Value = dsmwire.NewSecretBytes(value)
	return o, nil
}
