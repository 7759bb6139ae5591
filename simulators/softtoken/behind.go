package softtoken

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Change changes the label of all objects with this CKA_ID, and whether those
// that are secret keys may encrypt and decrypt. It returns how many there are.
func (a *Application) Change(id []byte, c hsm.Change) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	handles, err := a.find(pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	if err != nil {
		return 0, err
	}
	var change []*pkcs11.Attribute
	if c.Label != nil {
		change = append(change, pkcs11.NewAttribute(pkcs11.CKA_LABEL, *c.Label))
	}
	if c.Ops != nil {
		change = append(change, pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, c.Ops.Has(keys.OpEncrypt)), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, c.Ops.Has(keys.OpDecrypt)))
	}
	for _, h := range handles {
		if err := a.ctx.SetAttributeValue(a.session, h, change); err != nil {
			return 0, fmt.Errorf("changing an object: %w", err)
		}
	}
	return len(handles), nil
}

// AddFixed is Add of an object whose attributes nobody may change
// (CKA_MODIFIABLE is false).
func (a *Application) AddFixed(o hsm.Object, material secret.Value) error {
	template, err := template(o, material.Reveal(reveal.Permit{}))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.ctx.CreateObject(a.session, append(template, pkcs11.NewAttribute(pkcs11.CKA_MODIFIABLE, false))); err != nil {
		return fmt.Errorf("making a %s: %w", o.Class, err)
	}
	return nil
}
