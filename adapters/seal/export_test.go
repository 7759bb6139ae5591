package seal

// Interrupt makes k's changes of its file fail after the given step, as a
// process that ends there leaves the disk.
func (k *KeyFile) Interrupt(step func(string) error) { k.step = step }

// ParseKeys and FormatKeys read and write the text of a key file.
var (
	ParseKeys  = parseKeys
	FormatKeys = formatKeys
)
