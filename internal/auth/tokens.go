package auth

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Scope is a set of things that a caller may do.
type Scope uint8

// The scopes.
const (
	// ScopeClassify is for ClassificationService and JobService.
	ScopeClassify Scope = 1 << iota
	// ScopeOperate is for OperationsService.
	ScopeOperate
)

var scopes = map[string]Scope{"classify": ScopeClassify, "operate": ScopeOperate}

// String returns the scope's name in the file.
func (s Scope) String() string {
	for name, scope := range scopes {
		if scope == s {
			return name
		}
	}
	return "unknown"
}

// Tokens are the callers that a server knows. They hold no token, only hashes.
// They are immutable and safe for concurrent use.
type Tokens struct {
	callers []caller
	caps    catalog.Caps // of callers that have none of their own
}

type caller struct {
	name    string
	hash    [sha256.Size]byte
	subject string // the name in its certificate; empty: the caller's own
	scopes  Scope
	expires time.Time    // zero: never
	caps    catalog.Caps // as they are in force
	line    int
}

func (c *caller) expired() bool { return !c.expires.IsZero() && !time.Now().Before(c.expires) }

// certificateName returns the name by which a client certificate is the caller's.
func (c *caller) certificateName() string { return cmp.Or(c.subject, c.name) }

// LoadTokens reads a file of tokens; see ParseTokens.
func LoadTokens(path string) (*Tokens, error) {
	data, err := readTokens(path)
	if err != nil {
		return nil, fmt.Errorf("the token file cannot be read: correct its path or its permissions (%w)", err)
	}
	return ParseTokens(path, data)
}

// maxFileBytes is the most that a file of tokens may have: some 50,000 callers. The parser
// takes about 30 times as much memory.
const maxFileBytes = 8 << 20

// readTokens returns the content of a file of tokens.
func readTokens(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("%s has more than %d MiB: leave out callers that are not used", path, maxFileBytes>>20)
	}
	return data, err
}

// ParseTokens reads callers in YAML:
//
//	caps: {items_per_day: 100000}  # of each caller that has no other
//	callers:
//	  - name: shop
//	    sha256: 9f86d081...         # printf %s TOKEN | sha256sum
//	    scopes: [classify, operate]
//	    expires: 2027-01-31T12:00:00Z
//	    caps: {items_in_flight: 64, items_per_day: none}
//
// A plain list of callers is taken too.
//
// Errors name the file, the line and what to do, and never show a hash or a
// token. A token in plain text is refused.
func ParseTokens(file string, data []byte) (*Tokens, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		// The parser's own text may quote the file, and with it a secret.
		return nil, fmt.Errorf("%s: not YAML%s: see the example in the documentation", file, lineIn(err))
	}
	entries, caps, line, err := entriesOf(&root)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	t := &Tokens{caps: merged(caps, catalog.Caps{})}
	for _, entry := range entries {
		c, line, err := parseCaller(entry)
		if err == nil {
			c.caps = merged(c.caps, t.caps)
			line, err = entry.Line, t.add(c)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, line, err)
		}
	}
	if len(t.callers) == 0 {
		return nil, fmt.Errorf("%s: no caller in it: give a list of name, sha256 and scopes", file)
	}
	return t, nil
}

// entriesOf returns the list's entries, and the caps of all if the document has the
// form with callers; any other document is taken for one bad entry. An error is about
// the line.
func entriesOf(root *yaml.Node) (entries []*yaml.Node, caps catalog.Caps, line int, err error) {
	if len(root.Content) == 0 {
		return nil, caps, 0, nil
	}
	list := root.Content[0]
	if valueOf(list, "callers") != nil {
		for i := 0; i+1 < len(list.Content); i += 2 {
			switch key, value := list.Content[i], list.Content[i+1]; key.Value {
			case "callers":
				if value != valueOf(list, "callers") {
					return nil, caps, key.Line, errors.New("a second list of callers: give one")
				}
				root = &yaml.Node{Content: []*yaml.Node{value}}
			case "caps":
				if value != valueOf(list, "caps") {
					return nil, caps, key.Line, errors.New("second caps of all: give one")
				}
				caps, err = parseCaps(value)
			default:
				err = errors.New("unknown key: a token file has caps and callers")
			}
			if err != nil {
				return nil, caps, list.Content[i].Line, err
			}
		}
		list = root.Content[0]
	}
	if list.Kind == yaml.SequenceNode {
		return list.Content, caps, 0, nil
	}
	return root.Content, caps, 0, nil
}

// valueOf returns the value under a key of a mapping, nil if there is none.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

var yamlLine = regexp.MustCompile(`line \d+`)

func lineIn(err error) string {
	if line := yamlLine.FindString(err.Error()); line != "" {
		return " at " + line
	}
	return ""
}

func (t *Tokens) add(c caller) error {
	for _, other := range t.callers {
		if other.name == c.name {
			return fmt.Errorf("the name %q is taken by line %d: give each caller its own", c.name, other.line)
		}
		if other.hash == c.hash {
			return fmt.Errorf("the token of %q is that of %q as well: give each caller its own", c.name, other.name)
		}
		if other.certificateName() == c.certificateName() {
			return fmt.Errorf("the certificate of %q is that of %q as well: give each caller its own", c.name, other.name)
		}
	}
	t.callers = append(t.callers, c)
	return nil
}

// parseCaller returns the line of what is wrong with the error.
func parseCaller(entry *yaml.Node) (caller, int, error) {
	c := caller{line: entry.Line}
	if entry.Kind != yaml.MappingNode {
		return c, entry.Line, errors.New("a caller is expected: name, sha256 and scopes")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(entry.Content); i += 2 {
		key, value := entry.Content[i], entry.Content[i+1]
		if seen[key.Value] {
			return c, key.Line, fmt.Errorf("a second %s for one caller", knownKey(key.Value))
		}
		seen[key.Value] = true
		if err := c.set(key.Value, value); err != nil {
			return c, key.Line, err
		}
	}
	for _, key := range []string{"name", "sha256", "scopes"} {
		if !seen[key] {
			return c, entry.Line, fmt.Errorf("the caller has no %s", key)
		}
	}
	return c, entry.Line, nil
}

func (c *caller) set(key string, value *yaml.Node) error {
	switch key {
	case "name":
		return c.setName(value)
	case "sha256":
		return c.setHash(value)
	case "scopes":
		return c.setScopes(value)
	case "expires":
		return c.setExpiry(value)
	case "caps":
		caps, err := parseCaps(value)
		c.caps = caps
		return err
	case "certificate":
		return c.setSubject(value)
	case "token", "password", "secret", "key":
		return errors.New("tokens are not kept in plain text: give sha256, the result of: printf %s TOKEN | sha256sum")
	default:
		return errors.New("unknown key: a caller has name, sha256, scopes, expires, caps and certificate")
	}
}

// knownKey keeps what may be a secret in the wrong place out of error texts.
func knownKey(key string) string {
	switch key {
	case "name", "sha256", "scopes", "expires", "caps", "certificate":
		return key
	}
	return "key"
}

var callerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c *caller) setName(value *yaml.Node) error {
	if value.Kind != yaml.ScalarNode || !callerName.MatchString(value.Value) {
		return errors.New("name: use up to 64 letters, digits, dots, dashes and underscores, with a letter or digit first")
	}
	c.name = value.Value
	return nil
}

// setSubject takes the name that the caller has in its certificate, such as a URI, which
// is no name for metrics and logs.
func (c *caller) setSubject(value *yaml.Node) error {
	if value.Kind != yaml.ScalarNode || strings.TrimSpace(value.Value) == "" {
		return errors.New("certificate: a URI, DNS name, IP address or common name is expected, as the client certificate has it")
	}
	c.subject = value.Value
	return nil
}

func (c *caller) setHash(value *yaml.Node) error {
	digest, err := hex.DecodeString(value.Value)
	if value.Kind != yaml.ScalarNode || err != nil || len(digest) != sha256.Size {
		return fmt.Errorf("sha256: %d hexadecimal digits are expected, the result of: printf %%s TOKEN | sha256sum", 2*sha256.Size)
	}
	c.hash = [sha256.Size]byte(digest)
	if c.hash == sha256.Sum256(nil) {
		return errors.New("sha256: this is the hash of nothing: give that of a token")
	}
	return nil
}

func (c *caller) setScopes(value *yaml.Node) error {
	if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
		return errors.New("scopes: a list is expected, such as [classify]")
	}
	for _, node := range value.Content {
		scope, ok := scopes[node.Value]
		if !ok {
			return fmt.Errorf("scopes: unknown entry in line %d: give classify or operate", node.Line)
		}
		c.scopes |= scope
	}
	return nil
}

func (c *caller) setExpiry(value *yaml.Node) (err error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if c.expires, err = time.Parse(layout, value.Value); err == nil {
			return nil
		}
	}
	return errors.New("expires: a time such as 2027-01-31T12:00:00Z is expected, or a date, at whose beginning in UTC the token expires")
}

// noCap lifts a cap that all callers have.
const noCap = "none"

// find returns the caller with the token. It looks at all of them and compares
// hashes in constant time, so that the time says nothing of how close a guess was.
func (t *Tokens) find(token string) (caller, bool) {
	hash := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.callers {
		if subtle.ConstantTimeCompare(hash[:], t.callers[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return caller{}, false
	}
	return t.callers[found], true
}

// findCertificate returns the caller that has a name of the connection's client
// certificate: a DNS name, an IP address or a URI of it, else its common name. Only a certificate
// that was verified counts, and only until it expires.
func (t *Tokens) findCertificate(state *tls.ConnectionState) (caller, bool) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return caller{}, false
	}
	leaf := state.VerifiedChains[0][0]
	if time.Now().After(leaf.NotAfter) { // the connection may have begun long before
		return caller{}, false
	}
	for _, name := range namesOf(leaf) {
		for _, c := range t.callers {
			if c.certificateName() == name {
				return c, true
			}
		}
	}
	return caller{}, false
}

// namesOf returns the names of a certificate's owner, the common name last.
func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	return append(names, c.Subject.CommonName)
}

// GoString and String keep hashes out of logs.
func (t *Tokens) GoString() string { return t.String() }

// String returns the callers' names.
func (t *Tokens) String() string {
	names := make([]string, len(t.callers))
	for i, c := range t.callers {
		names[i] = c.name
	}
	return "tokens of " + strings.Join(names, ", ")
}
