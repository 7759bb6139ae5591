package vectors

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/adapters/dsmwire"
)

// record is one vector of NIST's, or a part that those after it share.
type record struct {
	section map[string]string // [name = value], [name] and [curve,hash]; names in capitals
	fields  map[string]string // names in capitals
	failed  bool              // a line that says FAIL
	line    int
}

func (r record) has(names ...string) bool {
	for _, n := range names {
		if _, ok := r.fields[n]; !ok {
			return false
		}
	}
	return true
}

// nist reads an .rsp file: lines "name = value", records between blank lines,
// and sections in brackets. The kind of the vectors is told by their fields,
// and by the file's name where these do not.
func nist(name string, raw []byte, f *File) error {
	records, err := recordsOf(raw)
	if err != nil {
		return err
	}
	shared := map[string]string{}
	for _, r := range records {
		u := &unhexer{}
		cases, reason := u.record(name, r, shared)
		if u.err != nil {
			return fmt.Errorf("line %d: %w", r.line, u.err)
		}
		if reason != "" {
			f.leave(reason, 1)
		}
		for _, c := range cases {
			c.Name = fmt.Sprintf("line %d", r.line)
			f.Cases = append(f.Cases, c)
		}
	}
	return nil
}

func recordsOf(raw []byte) (records []record, err error) {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<24)
	section, now, fresh := map[string]string{}, record{fields: map[string]string{}}, true
	end := func() {
		if len(now.fields) > 0 {
			records = append(records, now)
		}
		now = record{fields: map[string]string{}}
	}
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		name, value, pair := strings.Cut(line, "=")
		name, value = strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case line == "":
			end()
		case line[0] == '#':
		case line[0] == '[':
			end()
			if fresh {
				section = map[string]string{}
			}
			inner := strings.Trim(line, "[]")
			name, value, _ := strings.Cut(inner, "=")
			section[strings.ToUpper(strings.TrimSpace(name))] = strings.TrimSpace(value)
			fresh = false
			continue
		case line == "FAIL":
			now.failed = true
		case !pair:
			return nil, fmt.Errorf("line %d is neither a value nor a section", n)
		default:
			if now.line == 0 {
				now.line = n
			}
			now.section, now.fields[name], fresh = section, value, true
		}
	}
	end()
	return records, lines.Err()
}

// record makes cases of a record, or tells why there are none; a record that
// those after it share makes none either.
func (u *unhexer) record(name string, r record, shared map[string]string) (cases []Case, reason string) {
	switch {
	case strings.Contains(strings.ToUpper(name), "MONTE") || strings.Contains(name, "MCT"):
		return nil, "a chain of a thousand operations for one result"
	case r.has("KEY", "IV", "TAG"):
		return u.gcm(r), ""
	case r.has("PLAINTEXT", "CIPHERTEXT"):
		return u.block(name, r)
	case r.has("K", "C"):
		return u.keyWrap(name, r)
	case r.has("LEN", "MSG", "MD"):
		return u.digest(name, r)
	case r.has("KLEN", "TLEN", "KEY", "MAC"):
		return u.hmac(r)
	case r.has("QX", "QY", "R", "S", "RESULT"):
		return u.ecdsa(r)
	case r.has("SHAALG", "MSG", "S", "RESULT"):
		return u.rsa(name, r, shared)
	case r.has("N"):
		shared["N"] = r.fields["N"]
		return nil, ""
	case r.has("P", "Q"): // the factors of N
		return nil, ""
	default:
		return nil, "no player for records of this kind"
	}
}

func (u *unhexer) gcm(r record) []Case {
	c := Case{
		Type: "AES", Key: u.hex(r.fields["KEY"]), Mode: &dsmwire.Mode{Name: "GCM"},
		IV: u.hex(r.fields["IV"]), AD: u.hex(r.fields["AAD"]), Tag: u.hex(r.fields["TAG"]),
	}
	if r.failed {
		c.Want = Refuses
	}
	return both(c, Encrypt, Decrypt, u.hex(r.fields["PT"]), u.hex(r.fields["CT"]))
}

// block is AES or triple DES in a mode that the file's name tells.
func (u *unhexer) block(name string, r record) ([]Case, string) {
	c := Case{Type: "AES", Key: u.hex(r.fields["KEY"]), IV: u.hex(r.fields["IV"])}
	if name[0] == 'T' {
		name, c.Type = name[1:], "DES3"
		c.Key = u.hex(r.fields["KEY1"] + r.fields["KEY2"] + r.fields["KEY3"])
		if r.has("KEYS") {
			return nil, "the API has no triple DES with one key three times"
		}
	}
	for _, mode := range []string{"ECB", "CBC", "CTR", "CFB128", "OFB"} {
		if strings.HasPrefix(name, mode) {
			if mode == "CBC" {
				mode = "CBCNOPAD"
			}
			c.Mode = &dsmwire.Mode{Name: strings.TrimSuffix(mode, "128")}
			return both(c, Encrypt, Decrypt, u.hex(r.fields["PLAINTEXT"]), u.hex(r.fields["CIPHERTEXT"])), ""
		}
	}
	return nil, "the API has no such mode"
}

func (u *unhexer) keyWrap(name string, r record) ([]Case, string) {
	mode, _, _ := strings.Cut(name, "_")
	if mode != "KW" && mode != "KWP" || strings.Contains(name, "inv") {
		return nil, "the API has no such way to wrap"
	}
	c := Case{Type: "AES", Key: u.hex(r.fields["K"]), Mode: &dsmwire.Mode{Name: mode}}
	if r.failed {
		c.Want = Refuses
	}
	return both(c, Wrap, Unwrap, u.hex(r.fields["P"]), u.hex(r.fields["C"])), ""
}

func (u *unhexer) digest(name string, r record) ([]Case, string) {
	hash, _, _ := strings.Cut(name, "Short")
	hash, _, _ = strings.Cut(hash, "Long")
	if hash = hashName(hash); hash == "" {
		return nil, "the API has no such hash"
	}
	bits := u.number(r.fields["LEN"])
	if bits%8 != 0 {
		return nil, "a message that ends within a byte"
	}
	return []Case{{Act: Digest, Hash: hash, In: u.hex(r.fields["MSG"])[:bits/8], Out: u.hex(r.fields["MD"])}}, ""
}

func (u *unhexer) hmac(r record) ([]Case, string) {
	hash := map[string]string{"20": "SHA1", "28": "SHA224", "32": "SHA256", "48": "SHA384", "64": "SHA512"}[r.section["L"]]
	if hash == "" || 8*u.number(r.fields["TLEN"]) != hashSizes[hash] {
		return nil, "the API has no truncated MACs"
	}
	return made(Case{Type: "HMAC", Hash: hash, Key: u.hex(r.fields["KEY"]), In: u.hex(r.fields["MSG"]), Out: u.hex(r.fields["MAC"])}, MAC, VerifyMAC), ""
}

func (u *unhexer) number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil && u.err == nil {
		u.err = err
	}
	return n
}
