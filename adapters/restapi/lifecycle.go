package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

const oneKey = "/crypto/v1/keys/{kid}"

// lifecycle registers what is done to keys as a whole.
func (s *server) lifecycle() {
	register(s, endpoint[rekeyRequest, dsmwire.Sobject]{
		ID: "RotateSobject", Method: http.MethodPost, Path: "/crypto/v1/keys/rekey", Tag: tagKeys, Status: http.StatusCreated,
		Summary: "Make a new key in the place of the one of that name, which is renamed; in an HSM group both are in the HSM", Do: s.rekey,
	})
	register(s, endpoint[copyRequest, dsmwire.Sobject]{
		ID: "CopySobject", Method: http.MethodPost, Path: "/crypto/v1/keys/copy", Tag: tagKeys, Status: http.StatusCreated,
		Summary: "Make another key of the same material; into another group the key must be exportable", Do: s.copyKey,
	})
	register(s, endpoint[dsmwire.SobjectReplaceRequest, none]{
		ID: "ReplaceSobject", Method: http.MethodPost, Path: "/crypto/v1/keys/replace", Tag: tagKeys,
		Summary: "Put a key in the place of another", Do: s.replaceKey,
	})
	register(s, endpoint[none, none]{
		ID: "ActivateSobject", Method: http.MethodPost, Path: oneKey + "/activate", Tag: tagKeys,
		Summary: "Activate a key that is not active yet", Do: s.onKey((*keyring.Service).Activate),
	})
	register(s, endpoint[dsmwire.RevocationReason, none]{
		ID: "RevokeSobject", Method: http.MethodPost, Path: oneKey + "/revoke", Tag: tagKeys,
		Summary: "Deactivate a key, or mark it as compromised; the key in an HSM stays as it is", Do: s.revokeKey,
	})
	register(s, endpoint[none, none]{
		ID: "DestroySobject", Method: http.MethodPost, Path: oneKey + "/destroy", Tag: tagKeys,
		Summary: "Destroy a key's material and keep what is known about it; the key in an HSM as for deletions", Do: s.onKey((*keyring.Service).Destroy),
	})
	register(s, endpoint[none, none]{
		ID: "RemovePrivate", Method: http.MethodDelete, Path: oneKey + "/private", Tag: tagKeys,
		Summary: "Remove the private half of a key pair; the key in an HSM as for deletions", Do: s.onKey((*keyring.Service).RemovePrivate),
	})
	register(s, endpoint[dsmwire.RevertRequest, none]{
		ID: "RevertPrevKeyOp", Method: http.MethodPut, Path: oneKey + "/revert", Tag: tagKeys, Status: http.StatusNoContent,
		Summary: "Undo changes of a key that its history still knows", Do: s.revertKey,
	})
	for _, r := range []struct{ id, path, what string }{
		{"ScheduleDeletion", "/schedule_deletion", "a key is deleted at once, or destroyed: scheduling its deletion"},
		{"DeleteKeyMaterial", "/delete_key_material", "a key's material is destroyed with the key: deleting it alone, to be imported again,"},
	} {
		register(s, endpoint[none, none]{
			ID: r.id, Method: http.MethodPost, Path: oneKey + r.path, Tag: tagKeys,
			Summary: "Refused: for keys of clouds, which Gatehouse does not hold; use destroy or delete",
			Do: func(context.Context, *call[none]) (none, error) {
				return none{}, fault.New(fault.Unsupported, "%s is not supported: use destroy or delete", r.what)
			},
		})
	}
}

// onKey is an endpoint that does something to the key in its path.
func (s *server) onKey(do func(*keyring.Service, context.Context, access.Caller, id.Key) error) func(context.Context, *call[none]) (none, error) {
	return func(ctx context.Context, c *call[none]) (none, error) {
		kid, err := pathID[id.Key](&c.request, "kid")
		if err != nil {
			return none{}, err
		}
		return none{}, do(s.Keyring, ctx, c.Caller, kid)
	}
}

func (s *server) revokeKey(ctx context.Context, c *call[dsmwire.RevocationReason]) (none, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return none{}, err
	}
	if len(c.Body.Message) > maxDescription {
		return none{}, fault.New(fault.Invalid, "message is longer than %d bytes", maxDescription)
	}
	return none{}, s.Keyring.Revoke(ctx, c.Caller, kid, keys.RevocationReason{
		Code: c.Body.Code, Message: c.Body.Message, CompromiseAt: c.Body.CompromiseAt.Time(),
	})
}

func (s *server) revertKey(ctx context.Context, c *call[dsmwire.RevertRequest]) (none, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return none{}, err
	}
	return none{}, s.Keyring.Revert(ctx, c.Caller, kid, c.Body.IDs)
}

func (s *server) replaceKey(ctx context.Context, c *call[dsmwire.SobjectReplaceRequest]) (none, error) {
	replaced, err := descriptor(&c.Body.Replaced)
	if err != nil {
		return none{}, err
	}
	replacement, err := descriptor(&c.Body.Replacement)
	if err != nil {
		return none{}, err
	}
	return none{}, s.Keyring.Replace(ctx, c.Caller, keyring.Replacing{
		Replaced: replaced, NewName: c.Body.ReplacedNewName, Replacement: replacement,
	})
}
