package llm

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxPublicBytes bounds what is passed on of a server's text.
const maxPublicBytes = 200

// keyLike finds what looks like a credential: servers like to quote the key they
// refuse, and gateways in between the header.
var keyLike = regexp.MustCompile(`(?i)\bbearer\s+[^\s"',]+|\b(?:sk|pk|rk|gsk|xai|key|api|token)[-_][a-z0-9_*.\-]{5,}[a-z0-9_*]`)

// public makes a server's text fit to be shown: one short line without what is hidden.
func public(s string, secrets hidden) string {
	s = catalog.WithoutEscapes(s[:min(len(s), maxErrorBytes)]) // first, since one may divide a key
	s = secrets.removed(s)
	s = keyLike.ReplaceAllStringFunc(s, func(word string) string {
		if strings.EqualFold(word, "api-version") { // of Azure: it is wanted
			return word
		}
		return "[key]"
	})
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || ('\u202A' <= r && r <= '\u202E') {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxPublicBytes {
		return s
	}
	n := maxPublicBytes
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
