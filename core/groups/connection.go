package groups

import (
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// DefaultPort is the gateway's port when a connection names none.
const DefaultPort = 4442

// Connection is one way to an HSM: a gateway's address, a slot and its PIN.
type Connection struct {
	ID      id.Connection
	Kind    Kind
	Address string // host:port of the gateway
	Slot    uint   // the number that PKCS#11 lists the slot under
	PIN     secret.Sealed
	Order   int32 // priority number; smaller comes first, negatives allowed
	TLS     TLS
}

// TLSMode tells whether the way to the gateway is encrypted.
type TLSMode string

// The modes of the API (tls.mode). A gateway speaks TLS only, so that Disabled
// is refused and Opportunistic means Required.
const (
	TLSDisabled      TLSMode = "disabled"
	TLSOpportunistic TLSMode = "opportunistic"
	TLSRequired      TLSMode = "required"
)

// TLS tells whom a connection trusts and what it shows of itself (workflow G3.3).
type TLS struct {
	Mode             TLSMode
	GlobalRoots      bool     // trust the system's roots
	Pinned           [][]byte // DER certificates trusted instead: custom CAs or the gateway's own
	ValidateHostname bool     // the certificate must name the address's host in its SAN or CN
	ClientCert       []byte   // DER or PEM certificate, chain allowed, for mutual TLS
	ClientKey        secret.Sealed
}

// ParseAddress reads host or host:port, and returns it as host:port with the
// default port filled in. A scheme is not part of an address.
func ParseAddress(s string) (string, error) {
	bad := fault.New(fault.Invalid, "url must be host or host:port of the gateway, without a scheme")
	if s == "" || len(s) > 300 || strings.ContainsAny(s, "/ \t\r\n@?#") {
		return "", bad
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return joinHostPort(a.String(), DefaultPort), nil
	}
	host, port, found := s, "", false
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port, found = s[:i], s[i+1:], true
	}
	if !found {
		return joinHostPort(host, DefaultPort), nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return "", bad
	}
	if trimmed := strings.Trim(host, "[]"); strings.Contains(trimmed, ":") {
		a, err := netip.ParseAddr(trimmed)
		if err != nil {
			return "", bad
		}
		host = a.String()
	}
	return joinHostPort(host, int(n)), nil
}

func joinHostPort(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}
