package markers

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Files looks for secrets in files and returns what it found, without the secrets.
func (b *Book) Files(paths ...string) ([]string, error) {
	s := b.searcher()
	var found []string
	for _, p := range paths {
		content, err := os.ReadFile(p)
		if err != nil {
			return found, err
		}
		for _, hit := range s.search(content) {
			found = append(found, fmt.Sprintf("%s holds a %s, %s", p, hit.kind, hit.form))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// Replies looks for secrets in the replies and returns what it found, without
// the secrets. Calls whose purpose it is to hand a secret over are left out, for
// that kind of secret.
func (b *Book) Replies() []string {
	s := b.searcher()
	b.mu.Lock()
	replies := b.replies
	b.mu.Unlock()
	var found []string
	for _, r := range replies {
		for _, hit := range s.search(r.header, r.body.Bytes()) {
			if !r.hands(hit.kind) {
				found = append(found, fmt.Sprintf("the reply to %s %s holds a %s, %s", r.method, r.path, hit.kind, hit.form))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// hit is a secret that was found.
type hit struct {
	kind Kind
	form string
}

// pattern is what a secret may look like.
type pattern struct {
	hit

	look []byte
}

// searcher looks for many patterns at once: those that begin alike are looked
// at only where what they begin with is.
type searcher map[[shortest]byte][]pattern

func (b *Book) searcher() searcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := searcher{}
	for value, kind := range b.secrets {
		for _, p := range forms([]byte(value)) {
			p.kind = kind
			begin := [shortest]byte(p.look)
			s[begin] = append(s[begin], p)
		}
	}
	return s
}

// forms returns what a value may look like. Base64 depends on how many bytes
// come before: the characters that other bytes have a part in are left out.
func forms(value []byte) []pattern {
	text := hex.EncodeToString(value)
	all := []pattern{
		{hit{form: "in the clear"}, value},
		{hit{form: "in hex"}, []byte(text)},
		{hit{form: "in hex"}, []byte(strings.ToUpper(text))},
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString(append(make([]byte, before), value...))
			skip := (before*8 + 5) / 6
			whole := (before + len(value)) * 8 / 6
			if look := encoded[skip:whole]; len(look) >= shortest {
				all = append(all, pattern{hit{form: "in base64"}, []byte(look)})
			}
		}
	}
	return all
}

func (s searcher) search(contents ...[]byte) []hit {
	var found []hit
	for _, content := range contents {
		for i := 0; i+shortest <= len(content); i++ {
			for _, p := range s[[shortest]byte(content[i:])] {
				if bytes.HasPrefix(content[i:], p.look) {
					found = append(found, p.hit)
				}
			}
		}
	}
	return found
}
