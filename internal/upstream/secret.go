package upstream

import (
	"fmt"
	"io"
)

// Secret is an API key. Printing, formatting or encoding it in any way shows its
// last four characters at most; Reveal is the only way to the whole.
type Secret struct{ value string }

// NewSecret hides s.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal returns the key itself, for the Authorization header alone.
func (s Secret) Reveal() string { return s.value }

// Tail names the key by its last four characters, as in "...3kQ9". Keys of fewer
// than twelve characters are not shown at all, since four would give too much away.
func (s Secret) Tail() string {
	switch n := len(s.value); {
	case n == 0:
		return "(none)"
	case n < 12:
		return "..."
	default:
		return "..." + s.value[n-4:]
	}
}

// Suffix returns the last four characters, none of a key of fewer than twelve.
func (s Secret) Suffix() string {
	if len(s.value) < 12 {
		return ""
	}
	return s.value[len(s.value)-4:]
}

// String returns the tail.
func (s Secret) String() string { return s.Tail() }

// GoString returns the tail.
func (s Secret) GoString() string { return s.Tail() }

// Format writes the tail, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Tail()) }

// MarshalText returns the tail, for JSON, YAML and flags.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Tail()), nil }
