package operations

import "gatehouse/core/fault"

// DecryptRefused returns the one error for every decryption or unwrapping that
// fails for a reason within the ciphertext, tag, padding or key: telling them
// apart would help who forges them.
func DecryptRefused(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "decryption refused")
}
