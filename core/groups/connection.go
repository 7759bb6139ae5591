package groups

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// The ports when a connection names none: a gateway's, and another service's.
const (
	DefaultPort        = 4442
	DefaultServicePort = 443
)

// Connection is one way to an HSM: a gateway's address, a slot and its PIN. To
// another service it is that service's address and the API key of an app there,
// which takes the place of the PIN.
type Connection struct {
	ID      id.Connection
	Kind    Kind
	Address string // host:port of the gateway or of the other service
	Slot    uint   // the number that PKCS#11 lists the slot under; 0 in another service
	PIN     secret.Sealed
	Order   int32 // priority number; smaller comes first, negatives allowed
	TLS     TLS

	// Refusal is set when the token refused the PIN, and no login was accepted
	// since. It goes when the way to the token is changed. Recorded, so that
	// neither a restart nor another node tries that PIN again by itself: tries
	// lock real HSMs.
	Refusal Refusal
}

// Refusal tells that a token refused a connection's PIN. The zero Refusal is none.
type Refusal struct {
	Reason fault.Reason
	At     time.Time
}

// SameWay reports whether a token opened with a can serve b: the same gateway,
// trusted alike, the same slot and PIN. The order of a connection makes no
// difference to its token, nor does what is remembered of it.
func (a Connection) SameWay(b Connection) bool {
	return a.ID == b.ID && a.SamePlace(b) && bytes.Equal(a.PIN, b.PIN) && bytes.Equal(a.TLS.ClientKey, b.TLS.ClientKey)
}

// SamePlace reports whether a and b lead to the same slot of the same gateway
// and trust it alike: what is wrong with the way of one is wrong with the other's.
func (a Connection) SamePlace(b Connection) bool {
	return a.Kind == b.Kind && a.Address == b.Address && a.Slot == b.Slot &&
		a.TLS.Mode == b.TLS.Mode && a.TLS.GlobalRoots == b.TLS.GlobalRoots && a.TLS.ValidateHostname == b.TLS.ValidateHostname &&
		slices.EqualFunc(a.TLS.Pinned, b.TLS.Pinned, bytes.Equal) && bytes.Equal(a.TLS.ClientCert, b.TLS.ClientCert)
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

// errAddress is the one answer to an address that cannot be read.
func errAddress() error {
	return fault.New(fault.Invalid, "url must be host or host:port of the gateway, without a scheme")
}

// ParseAddress reads host, host:port, an IP address or [IPv6]:port, and returns
// it as host:port with the default port filled in. A scheme is not part of an
// address. Invalid otherwise.
func ParseAddress(s string) (string, error) { return parseAddress(s, DefaultPort) }

// ParseAddress reads the address of a connection of kind k: as the function of
// that name, for another service also as https:// and the address.
func (k Kind) ParseAddress(s string) (string, error) {
	if !k.Service() {
		return ParseAddress(s)
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "https://"), "/")
	address, err := parseAddress(bare, DefaultServicePort)
	if err != nil {
		return "", fault.New(fault.Invalid, "url must be host or host:port of the other service, which speaks https only")
	}
	return address, nil
}

func parseAddress(s string, port uint16) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.AddrPortFrom(a, port).String(), nil
	}
	if inner, bracketed := strings.CutPrefix(s, "["); bracketed {
		host, rest, closed := strings.Cut(inner, "]")
		a, err := netip.ParseAddr(host)
		port, portErr := parsePort(rest, port)
		if !closed || err != nil || portErr != nil || a.Zone() != "" {
			return "", errAddress()
		}
		return netip.AddrPortFrom(a, port).String(), nil
	}
	host, rest := s, ""
	if i := strings.IndexByte(s, ':'); i >= 0 {
		host, rest = s[:i], s[i:]
	}
	port, err := parsePort(rest, port)
	if err != nil || !hostName(host) {
		return "", errAddress()
	}
	return host + ":" + strconv.Itoa(int(port)), nil
}

// parsePort reads ":port", or nothing for the default port.
func parsePort(s string, otherwise uint16) (uint16, error) {
	if s == "" {
		return otherwise, nil
	}
	digits, found := strings.CutPrefix(s, ":")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !found || err != nil || n == 0 {
		return 0, errAddress()
	}
	return uint16(n), nil
}

// hostName reports whether s looks like a host name (RFC 1123) of sane length.
func hostName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 253
}
