// Package passwords hashes users' passwords with Argon2id (RFC 9106) and checks
// them. Hashes are strings in the form of its reference implementation, which
// hold their costs and salt, so that costs can be raised later without
// invalidating what is stored. Safe for concurrent use; each call takes about
// 50 ms and 64 MiB, so that callers bound how many run at once.
package passwords

import (
	"github.com/alexedwards/argon2id"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// costs are those that RFC 9106, section 4, recommends where memory is scarce,
// with one lane, since the service runs several checks at once.
var costs = &argon2id.Params{Memory: 64 * 1024, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Hash returns the hash of a password, with a random salt. Internal when there
// is no randomness.
func Hash(password secret.Value) (string, error) {
	hash, err := argon2id.CreateHash(string(password.Reveal(reveal.Permit{})), costs)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "hashing a password")
	}
	return hash, nil
}

// Check reports whether hash is that of the password. A hash that cannot be
// read matches nothing.
func Check(hash string, password secret.Value) bool {
	ok, err := argon2id.ComparePasswordAndHash(string(password.Reveal(reveal.Permit{})), hash)
	return err == nil && ok
}
