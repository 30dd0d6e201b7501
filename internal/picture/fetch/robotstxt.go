package fetch

import (
	"bytes"
	"strconv"
	"strings"
)

// robots are the rules of a robots.txt for this program. Nil or empty, they allow
// everything. They are not from a library because github.com/temoto/robotstxt neither
// compares escapes nor follows RFC 9309 in ties, and makes regular expressions of
// rules, which take a hundred times the memory of the file.
type robots struct{ rules []rule }

type rule struct {
	pattern string // may contain * and end in $
	allow   bool
}

// parseRobots reads a robots.txt (RFC 9309) of any bytes.
func parseRobots(data []byte) *robots {
	var own, general []rule
	found := false // there is a group with our name
	isOwn, isGeneral, inAgents := false, false, false
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for line := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "user-agent":
			if !inAgents { // the first line of a group
				isOwn, isGeneral, inAgents = false, false, true
			}
			isOwn = isOwn || strings.EqualFold(product(value), Agent)
			isGeneral = isGeneral || value == "*"
			found = found || isOwn
		case "allow", "disallow":
			inAgents = false
			r := rule{normal(value), strings.EqualFold(strings.TrimSpace(key), "allow")}
			if value == "" {
				continue
			}
			if isOwn {
				own = append(own, r)
			}
			if isGeneral {
				general = append(general, r)
			}
		}
	}
	if found {
		return &robots{own}
	}
	return &robots{general}
}

// product returns the name of a user-agent line without its version.
func product(value string) string {
	end := strings.IndexFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
	if end < 0 {
		return value
	}
	return value[:end]
}

// normal returns a path in the form for comparisons (RFC 9309, section 2.2.2): only
// necessary escapes, in upper case.
func normal(path string) string {
	path, _, _ = strings.Cut(path, "#")
	path = parser.PercentEncodeString(path, pathCharacters.Clear('?'))
	var b strings.Builder
	for {
		before, after, found := strings.Cut(path, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		// Every percent sign escapes something by now.
		if c, _ := strconv.ParseUint(after[:2], 16, 8); unreserved(byte(c)) {
			b.WriteByte(byte(c))
		} else {
			b.WriteString("%" + strings.ToUpper(after[:2]))
		}
		path = after[2:]
	}
}

// unreserved reports whether a character means the same with and without an escape
// (RFC 3986, section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// allows reports whether a path with its query is allowed: the longest rule that
// matches decides, and among equally long rules one that allows.
func (r *robots) allows(path string) bool {
	path = normal(path)
	longest, allow := -1, true
	for _, rule := range r.rules {
		if n := len(rule.pattern); (n > longest || (n == longest && rule.allow)) && matches(rule.pattern, path) {
			longest, allow = n, rule.allow
		}
	}
	return allow
}

// matches reports whether a path begins with the pattern. A * in the pattern matches
// anything, and a $ at its end the end of the path.
func matches(pattern, path string) bool {
	pattern, whole := strings.CutSuffix(pattern, "$")
	first, rest, wild := strings.Cut(pattern, "*")
	path, ok := strings.CutPrefix(path, first)
	if !ok || !wild {
		return ok && (!whole || path == "")
	}
	for {
		var part string
		part, rest, wild = strings.Cut(rest, "*")
		if !wild && whole {
			return strings.HasSuffix(path, part)
		}
		i := strings.Index(path, part)
		if i < 0 {
			return false
		}
		path = path[i+len(part):]
		if !wild {
			return true
		}
	}
}

// weight returns the memory of the rules, in bytes.
func (r *robots) weight() int64 {
	if r == nil {
		return 0
	}
	n := 0
	for _, rule := range r.rules {
		n += 32 + len(rule.pattern)
	}
	return int64(n)
}
