package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// exportPolicy reads how a key's value may leave; nil when nothing is said.
func exportPolicy(p *dsmwire.ExportPolicy) (*keys.ExportPolicy, error) {
	switch {
	case p == nil || *p == dsmwire.ExportPolicy{}:
		return nil, nil
	case p.AllowWeakening == nil:
		return nil, missing("allow_weakening of export_policy")
	}
	policy := keys.ExportPolicy{Fixed: !*p.AllowWeakening}
	switch {
	case p.Type == dsmwire.Unrestricted && p.By == nil:
		return &policy, nil
	case p.Type == dsmwire.Unrestricted:
		return nil, fault.New(fault.Invalid, "by of export_policy is for $type %s", dsmwire.Wrapped)
	case p.Type != dsmwire.Wrapped:
		return nil, fault.New(fault.Invalid, "$type of export_policy must be %s or %s", dsmwire.Unrestricted, dsmwire.Wrapped)
	case p.By == nil:
		return nil, missing("by of export_policy")
	}
	policy.Wrapped = true
	switch {
	case p.By.Type == dsmwire.AnyKey && p.By.Keys == nil:
		return &policy, nil
	case p.By.Type != dsmwire.OnlyKeys || p.By.Keys == nil:
		return nil, fault.New(fault.Invalid, "by of export_policy must be of $type %s, or %s with keys", dsmwire.AnyKey, dsmwire.OnlyKeys)
	}
	policy.Only = true
	for _, k := range p.By.Keys {
		if k.KID == "" {
			return nil, fault.New(fault.Unsupported, "naming the keys of export_policy is not supported otherwise than by kid")
		}
		kid, err := parseID[id.Key](k.KID, "kid")
		if err != nil {
			return nil, err
		}
		policy.Keys = append(policy.Keys, kid)
	}
	return &policy, nil
}

// showExportPolicy is p as the API shows it; nil where it says nothing.
func showExportPolicy(p keys.ExportPolicy) *dsmwire.ExportPolicy {
	if p.Equal(keys.ExportPolicy{}) {
		return nil
	}
	weakening := !p.Fixed
	o := &dsmwire.ExportPolicy{Type: dsmwire.Unrestricted, AllowWeakening: &weakening}
	if !p.Wrapped {
		return o
	}
	o.Type, o.By = dsmwire.Wrapped, &dsmwire.WrappingKeys{Type: dsmwire.AnyKey}
	if p.Only {
		o.By = &dsmwire.WrappingKeys{Type: dsmwire.OnlyKeys, Keys: []dsmwire.PersistedKey{}}
		for _, k := range p.Keys {
			o.By.Keys = append(o.By.Keys, dsmwire.PersistedKey{KID: string(k)})
		}
	}
	return o
}
