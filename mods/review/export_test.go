package review

// Golden compares with a golden file.
var Golden = golden

// MeaningKnown says whether the meaning of an option of that type is known, and what
// this package takes for its default if it is a number.
func MeaningKnown(capability, option, typ string) (known bool, usual float64) {
	p := Permission{Declared: []Option{{Name: option, Type: typ}}}
	p.Capability = capability
	usual, _ = p.usual(option)
	return meaningOf(p, option) != unknown, usual
}

// Meanings counts the options whose meaning is known.
func Meanings() (n int) {
	for _, options := range meanings {
		n += len(options)
	}
	return n
}
