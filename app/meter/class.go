package meter

import "gatehouse/core/operations"

// Class is a kind of call to a slot whose calls take alike long.
type Class uint8

// The classes.
const (
	Sign Class = iota
	Verify
	Encrypt
	Decrypt
	MAC
	MACVerify
	Wrap
	Unwrap
	Derive
	Generate
	Import
	Update
	Destroy
	Inventory
	Check
	Open
	numClasses
)

var classNames = [numClasses]string{
	"sign", "verify", "encrypt", "decrypt", "mac", "mac_verify",
	"wrap", "unwrap", "derive",
	"generate", "import", "update", "destroy", "inventory", "check", "open",
}

// Classes lists all classes.
func Classes() []Class {
	list := make([]Class, numClasses)
	for i := range list {
		list[i] = Class(i)
	}
	return list
}

// String returns the class as metrics name it.
func (c Class) String() string { return classNames[c] }

// Of returns the class of an operation.
func Of(op operations.Operation) Class {
	switch op.(type) {
	case operations.Verify:
		return Verify
	case operations.Encrypt:
		return Encrypt
	case operations.Decrypt:
		return Decrypt
	case operations.MAC:
		return MAC
	case operations.MACVerify:
		return MACVerify
	default: // operations.Sign: the sum is closed
		return Sign
	}
}
