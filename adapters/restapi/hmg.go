package restapi

import (
	"crypto/x509"
	"encoding/pem"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/grouping"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
)

// parseKind reads a kind of HSM, in any case of letters.
func parseKind(s string) (groups.Kind, error) {
	canonical := dsmwire.CanonicalKind(s)
	if k := groups.Kind(canonical); k.HSM() {
		return k, nil
	}
	switch canonical {
	case "FortanixFipsCluster", "AwsKms", "AzureKeyVault", "GcpKeyRing", "OciVault":
		return "", fault.New(fault.Unsupported, "connections of kind %s are not supported yet: only HSMs behind a gateway and other services are", canonical)
	default:
		return "", fault.New(fault.Invalid, "kind of a connection is not one that the API knows")
	}
}

// connection reads a new connection.
func connection(h dsmwire.HmgConfig) (grouping.Connection, error) {
	if h.Kind == "" {
		return grouping.Connection{}, fault.New(fault.Invalid, "kind of a connection is required")
	}
	return changedConnection(h)
}

// changedConnection reads a change of a connection: what it leaves out stays as
// it is saved.
func changedConnection(h dsmwire.HmgConfig) (grouping.Connection, error) {
	var kind groups.Kind
	var err error
	if h.Kind != "" {
		if kind, err = parseKind(h.Kind); err != nil {
			return grouping.Connection{}, err
		}
	}
	c := grouping.Connection{Kind: kind, Address: h.URL, PIN: h.PIN.Secret(), Order: h.HSMOrder}
	if h.Slot != nil {
		slot := uint(*h.Slot)
		c.Slot = &slot
	}
	if h.TLS != nil {
		settings, err := tlsSettings(*h.TLS)
		if err != nil {
			return c, err
		}
		c.TLS, c.ClientKey = &settings, h.TLS.ClientKey.Secret()
	}
	return c, nil
}

// tlsSettings reads TLS settings, all but the client key.
func tlsSettings(t dsmwire.TLSConfig) (groups.TLS, error) {
	out := groups.TLS{Mode: groups.TLSMode(t.Mode), ValidateHostname: or(t.ValidateHostname, true), GlobalRoots: true}
	switch out.Mode {
	case groups.TLSDisabled, groups.TLSOpportunistic:
		return out, nil
	case groups.TLSRequired:
	default:
		return out, fault.New(fault.Invalid, "tls.mode is not one that the API knows")
	}
	switch {
	case t.CA == nil || (t.CA.CASet == "") == (len(t.CA.Pinned) == 0):
		return out, fault.New(fault.Invalid, "tls.ca must be exactly one of ca_set and pinned")
	case t.CA.CASet != "" && t.CA.CASet != dsmwire.GlobalRoots:
		return out, fault.New(fault.Invalid, "tls.ca.ca_set is not one that the API knows")
	case t.CA.CASet == "":
		out.GlobalRoots = false
	}
	for _, given := range t.CA.Pinned {
		certs, err := parseCertificates(given)
		if err != nil {
			return out, fault.New(fault.Invalid, "tls.ca.pinned holds something that is not a certificate")
		}
		for _, cert := range certs {
			out.Pinned = append(out.Pinned, cert.Raw)
		}
	}
	if len(t.ClientCert) > 0 {
		if _, err := parseCertificates(t.ClientCert); err != nil {
			return out, fault.New(fault.Invalid, "tls.client_cert is not a certificate")
		}
		out.ClientCert = t.ClientCert
	}
	return out, nil
}

// parseCertificates reads one or more certificates in DER or PEM.
func parseCertificates(b []byte) ([]*x509.Certificate, error) {
	var der []byte
	rest := b
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			der = append(der, block.Bytes...)
		}
	}
	if der == nil {
		der = b
	}
	return x509.ParseCertificates(der)
}

// hmgOf is a connection as everybody sees it: without its secrets.
func hmgOf(c groups.Connection) dsmwire.HmgConfig {
	h := dsmwire.HmgConfig{
		Kind: string(c.Kind), URL: c.Address, HSMOrder: &c.Order, TLS: &dsmwire.TLSConfig{Mode: string(c.TLS.Mode)},
	}
	if !c.Kind.Service() {
		slot := uint64(c.Slot)
		h.Slot = &slot
	}
	if c.TLS.Mode != groups.TLSRequired {
		return h
	}
	h.TLS.ValidateHostname, h.TLS.ClientCert = &c.TLS.ValidateHostname, c.TLS.ClientCert
	h.TLS.CA = &dsmwire.CAConfig{Pinned: c.TLS.Pinned}
	if c.TLS.GlobalRoots {
		h.TLS.CA = &dsmwire.CAConfig{CASet: dsmwire.GlobalRoots}
	}
	return h
}
