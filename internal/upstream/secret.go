package upstream

import "fmt"

// Secret is an API key. However it is printed or marshalled, only its last four
// characters show.
type Secret struct{ value string }

// NewSecret returns a secret with the given value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value, for the one place that sends it.
func (s Secret) Reveal() string { return s.value }

// Suffix returns the last four characters, or none of a secret that is too short
// to give four away.
func (s Secret) Suffix() string {
	if len(s.value) < 12 {
		return ""
	}
	return s.value[len(s.value)-4:]
}

// String returns the masked form.
func (s Secret) String() string { return "..." + s.Suffix() }

// GoString returns the masked form.
func (s Secret) GoString() string { return s.String() }

// Format writes the masked form, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// MarshalText returns the masked form, so that JSON and YAML hold no more.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
