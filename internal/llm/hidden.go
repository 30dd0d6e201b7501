package llm

import (
	"net/url"
	"strings"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// hidden is what was sent to a server and is not to be shown if the server quotes it.
type hidden struct {
	key string
	// settings are values of the settings' headers and queries, and of the base URL's query.
	settings []string
	// product is the product's part of the question. A server's words reach the log, and as the
	// cause of an outage other callers.
	product string
}

// hidden returns what the question's last call sent.
func (a *asking) hidden(lease *upstream.Lease) hidden {
	h := a.at.dialect.hidden(lease.Secret())
	_, h.product, _ = strings.Cut(a.user, "<product>")
	return h
}

func (d *dialect) hidden(key string) hidden { return hidden{key: key, settings: d.secrets} }

// What is removed has at least these lengths: shorter words may stand there by chance.
const (
	minHidden = 8
	minQuoted = 12 // "description:" is no quote
)

// secretValues returns the values of a query that may be secret. The version of an API is none.
func secretValues(query url.Values) (values []string) {
	for name, all := range query {
		for _, v := range all {
			if len(v) >= minHidden && name != "api-version" {
				values = append(values, v)
			}
		}
	}
	return values
}

// noteSecrets collects what of the settings and of the base URL is not to be shown.
func (d *dialect) noteSecrets(base string) {
	d.secrets = secretValues(d.query)
	if u, err := url.Parse(base); err == nil {
		d.secrets = append(d.secrets, secretValues(u.Query())...)
	}
	for _, all := range d.headers {
		for _, v := range all {
			for word := range strings.FieldsSeq(v) { // "Bearer TOKEN"
				if len(word) >= minHidden {
					d.secrets = append(d.secrets, word)
				}
			}
		}
	}
}

// removed returns the text without what is hidden.
func (h hidden) removed(s string) string {
	if h.key != "" {
		s = strings.ReplaceAll(s, h.key, "[key]")
	}
	for _, v := range h.settings {
		s = strings.ReplaceAll(s, v, "[key]")
		s = strings.ReplaceAll(s, url.QueryEscape(v), "[key]")
	}
	return withoutQuotes(s[:min(len(s), quotedBytes)], h.product)
}

// quotedBytes is how much of a text is looked through for quotes: more than is shown of it.
const quotedBytes = 4 * maxPublicBytes

// withoutQuotes returns a text with "..." in place of what it has in common with the product's.
func withoutQuotes(s, product string) string {
	if len(product) < minQuoted {
		return s
	}
	var b strings.Builder
	for at := 0; at < len(s); {
		end := at + minQuoted
		if end > len(s) || !strings.Contains(product, s[at:end]) {
			b.WriteByte(s[at])
			at++
			continue
		}
		for end < len(s) && strings.Contains(product, s[at:end+1]) {
			end++
		}
		b.WriteString("...")
		at = end
	}
	return b.String()
}
