package hsm

// Survey is what a PKCS#11 library says of itself and its slots before anybody
// logs in.
type Survey struct {
	Library Library
	Slots   []Slot
}

// Library describes a PKCS#11 library (CK_INFO).
type Library struct {
	Description  string
	Manufacturer string
	Version      string
	Cryptoki     string // version of PKCS#11 that it follows
}

// Slot describes a slot and the token in it (CK_SLOT_INFO, CK_TOKEN_INFO).
type Slot struct {
	ID           uint
	Description  string
	TokenPresent bool
	Token        TokenInfo // zero without a token
	Mechanisms   []ListedMechanism
	Offers       []Offer
	Unreadable   string // why something of this could not be read; empty when all is well
}

// TokenInfo describes a token.
type TokenInfo struct {
	Label, Manufacturer, Model, Serial string
	Hardware, Firmware                 string
	Flags                              TokenFlags
	PINMin, PINMax                     uint
	Sessions, RWSessions               Count
}

// Count is how many sessions there are, and may be. -1: the token does not tell;
// a Max of 0 is no limit.
type Count struct{ Now, Max int }

// TokenFlags are the flags of CK_TOKEN_INFO.
type TokenFlags uint

// The flags of CK_TOKEN_INFO (PKCS#11 v3.1, 3.2).
const (
	FlagRNG                TokenFlags = 0x1
	FlagWriteProtected     TokenFlags = 0x2
	FlagLoginRequired      TokenFlags = 0x4
	FlagUserPINInitialised TokenFlags = 0x8
	FlagClockOnToken       TokenFlags = 0x40
	FlagProtectedPath      TokenFlags = 0x100
	FlagDualCrypto         TokenFlags = 0x200
	FlagTokenInitialised   TokenFlags = 0x400
	FlagUserPINCountLow    TokenFlags = 0x10000
	FlagUserPINFinalTry    TokenFlags = 0x20000
	FlagUserPINLocked      TokenFlags = 0x40000
	FlagUserPINToBeChanged TokenFlags = 0x80000
	FlagErrorState         TokenFlags = 0x1000000
)

// flagNames is in the order in which flags are shown.
var flagNames = []struct {
	flag TokenFlags
	name string
}{
	{FlagLoginRequired, "login required"},
	{FlagProtectedPath, "PIN pad present"},
	{FlagRNG, "rng"},
	{FlagWriteProtected, "readonly"},
	{FlagClockOnToken, "clock"},
	{FlagDualCrypto, "dual crypto"},
	{FlagTokenInitialised, "token initialized"},
	{FlagUserPINInitialised, "PIN initialized"},
	{FlagUserPINCountLow, "user PIN count low"},
	{FlagUserPINFinalTry, "final user PIN try"},
	{FlagUserPINLocked, "user PIN locked"},
	{FlagUserPINToBeChanged, "user PIN to be changed"},
	{FlagErrorState, "error"},
}

// Has reports whether all of the given flags are set.
func (f TokenFlags) Has(flags TokenFlags) bool { return f&flags == flags }

// Names returns the names of the flags that are set, and what is left over.
func (f TokenFlags) Names() (names []string, rest TokenFlags) {
	rest = f
	for _, n := range flagNames {
		if f.Has(n.flag) {
			names = append(names, n.name)
			rest &^= n.flag
		}
	}
	return names, rest
}

// ListedMechanism is an entry of a token's mechanism list, sizes as the token
// counts them.
type ListedMechanism struct {
	Number           uint
	Name             string
	MinSize, MaxSize uint
}

// Offer is what a token's mechanism list says of a task.
type Offer struct {
	Task      Task
	Mechanism string // the one that is used; empty where none is needed
	Listed    bool   // with the flags and the size that the task needs
	Why       string // when it is not listed: what is missing
}
