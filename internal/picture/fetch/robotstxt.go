package fetch

import (
	"bytes"
	"strconv"
	"strings"
)

// robots are the rules of a robots.txt that concern this program. A nil or empty
// one allows everything. It is written here because its time and memory are in
// proportion to the file: rules made into regular expressions take a hundred
// times what they took in the file.
type robots struct{ rules []rule }

type rule struct {
	pattern string // as rules are written, with * and a $ at the end
	allow   bool
}

// parseRobots reads a robots.txt (RFC 9309). It takes any bytes.
func parseRobots(data []byte) *robots {
	var ours, everybodys []rule
	found := false // there is a group with our name
	mine, all, open := false, false, false
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
			if !open { // the first of a new group
				mine, all, open = false, false, true
			}
			mine = mine || strings.EqualFold(product(value), Agent)
			all = all || value == "*"
			found = found || mine
		case "allow", "disallow":
			open = false
			r := rule{normal(value), strings.EqualFold(strings.TrimSpace(key), "allow")}
			if value == "" {
				continue
			}
			if mine {
				ours = append(ours, r)
			}
			if all {
				everybodys = append(everybodys, r)
			}
		}
	}
	if found {
		return &robots{ours}
	}
	return &robots{everybodys}
}

// product returns the name in a user-agent line, without a version.
func product(value string) string {
	end := strings.IndexFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
	if end < 0 {
		return value
	}
	return value[:end]
}

// normal writes a path as they are compared (RFC 9309, section 2.2.2): what must
// be escaped is, what need not be is not, and all are in capitals.
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
		// All percent signs escape something by now.
		if c, _ := strconv.ParseUint(after[:2], 16, 8); unreserved(byte(c)) {
			b.WriteByte(byte(c))
		} else {
			b.WriteString("%" + strings.ToUpper(after[:2]))
		}
		path = after[2:]
	}
}

// unreserved characters mean the same escaped or not (RFC 3986, section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// allows reports whether a path with its query may be asked for: the longest
// rule that matches decides, and of two as long the one that allows.
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

// matches reports whether a path begins as the pattern says, where * stands for
// anything and a $ at the end for the end.
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

// weight is what the rules take in memory, in bytes.
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
