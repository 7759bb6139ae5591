package seal

import (
	"encoding/base64"
	"os"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// EnvironmentVariable is the variable that may hold the master key.
const EnvironmentVariable = "GATEHOUSE_MASTER_KEY"

// FromEnvironment reads the ring from EnvironmentVariable: the base64 of 32
// random bytes, as `openssl rand -base64 32` prints them; for a rotation the
// new key, a comma and the old one. The variable is removed from this process's
// environment, so that child processes do not inherit it; the kernel keeps
// showing it in /proc/PID/environ to this user and root, which a key file
// avoids. Invalid, saying what to do, when it is missing or unreadable.
func FromEnvironment() (*Ring, error) {
	text, found := os.LookupEnv(EnvironmentVariable)
	if err := os.Unsetenv(EnvironmentVariable); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "removing %s from the environment", EnvironmentVariable)
	}
	if !found || strings.TrimSpace(text) == "" {
		return nil, fault.New(fault.Invalid, "%s is not set: set it to the master key in base64, for a new store to the output of `openssl rand -base64 %d`", EnvironmentVariable, KeySize)
	}
	var keys []secret.Value
	defer func() { wipe(keys) }()
	for part := range strings.SplitSeq(text, ",") {
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(part))
		if err != nil || len(raw) != KeySize {
			return nil, fault.New(fault.Invalid, "%s must be the base64 of %d bytes (during a rotation: new key, comma, old key); give the master key as it was made", EnvironmentVariable, KeySize)
		}
		keys = append(keys, secret.New(raw))
	}
	return NewRing(keys...)
}
