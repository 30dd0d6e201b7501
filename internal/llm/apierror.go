package llm

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// apiError is a server's own account of what went wrong.
type apiError struct {
	Message, Type, Code, Param string
}

// maxErrorBytes is how much of an error's body is looked at.
const maxErrorBytes = 16 << 10

// readError understands the forms in use: OpenAI's {"error":{...}}, an error or
// detail that is a text, vLLM's {"message":...}, and FastAPI's list of
// {"loc":[...],"msg":...}. The inputs that FastAPI echoes are left out: they would
// name every parameter that was sent.
func readError(body string) apiError {
	if len(body) > maxErrorBytes {
		body = body[:maxErrorBytes]
	}
	root := gjson.Parse(body)
	if !root.IsObject() {
		return apiError{Message: plain(body)}
	}
	e := root.Get("error")
	switch {
	case e.IsObject():
		return errorFields(e)
	case e.Type == gjson.String:
		return apiError{Message: e.Str}
	}
	if detail := root.Get("detail"); detail.IsArray() {
		return apiError{Message: violations(detail)}
	} else if detail.Type == gjson.String {
		return apiError{Message: detail.Str}
	}
	return errorFields(root)
}

func errorFields(e gjson.Result) apiError {
	return apiError{
		Message: e.Get("message").String(),
		Type:    e.Get("type").String(),
		Code:    e.Get("code").String(),
		Param:   e.Get("param").String(),
	}
}

func violations(list gjson.Result) string {
	var b strings.Builder
	list.ForEach(func(_, v gjson.Result) bool {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		v.Get("loc").ForEach(func(_, step gjson.Result) bool {
			b.WriteString(step.String())
			b.WriteByte('.')
			return true
		})
		b.WriteString(" " + v.Get("msg").String())
		return b.Len() < 1000
	})
	return b.String()
}

// plain returns a body that is no JSON, unless it is a page: proxies answer with
// those, and their markup tells nobody anything.
func plain(body string) string {
	if strings.Contains(body, "<") {
		return ""
	}
	return body
}

// maxPublicBytes bounds what is passed on of a server's text.
const maxPublicBytes = 200

// keyLike finds what looks like a credential: servers like to quote the key they
// refuse, and gateways in between the header.
var keyLike = regexp.MustCompile(`(?i)\bbearer\s+[^\s"',]+|\b(?:sk|pk|rk|gsk|xai|key|api|token)[-_][a-z0-9_*.\-]{5,}[a-z0-9_*]`)

// public makes a server's text fit to be shown: one short line without secrets.
func public(s, secret string) string {
	s = s[:min(len(s), maxErrorBytes)]
	if secret != "" {
		s = strings.ReplaceAll(s, secret, "[key]")
	}
	s = keyLike.ReplaceAllString(s, "[key]")
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
