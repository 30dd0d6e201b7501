package page

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

const (
	// maxHead is the most of a page that is searched for a refresh, in bytes.
	maxHead = 64 << 10
	// maxDelay is the longest delay of a refresh that is followed, in seconds. Longer
	// ones load the page again now and then.
	maxDelay = 10
	// maxStub is the largest page whose noscript elements send on, in bytes. On others,
	// they lead to a version for old browsers.
	maxStub = 8 << 10
)

// Refresh returns the reference to which a page sends on by a meta element, or by the
// header of the same name; "" if there is none.
func Refresh(body []byte, contentType, header string) string {
	if to := refreshTarget(header); to != "" {
		return to
	}
	head := body[:min(len(body), maxHead)]
	if !bytes.Contains(bytes.ToLower(head), []byte("refresh")) {
		return ""
	}
	return metaRefresh(html.NewTokenizer(decoded(head, contentType)), len(body) <= maxStub)
}

// metaRefresh reads tags until one sends on. Those in noscript elements count if inner
// is set.
func metaRefresh(z *html.Tokenizer, inner bool) string {
	raw := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.TextToken:
			if raw == "noscript" && inner {
				if to := metaRefresh(html.NewTokenizer(bytes.NewReader(bytes.Clone(z.Raw()))), false); to != "" {
					return to
				}
			}
			raw = ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := readTag(z)
			if raw = t.name; raw != "meta" || !strings.EqualFold(t.get("http-equiv"), "refresh") {
				continue
			}
			if to := refreshTarget(t.get("content")); to != "" {
				return to
			}
		default: // ends of elements and comments
		}
	}
}

var refresh = regexp.MustCompile(`(?is)^\s*([0-9]+)?[0-9.]*\s*[;,\s]\s*(?:url\s*=\s*)?["']?\s*([^"'\s][^"']*)`)

// refreshTarget reads "0; url=/oak" (HTML Standard, "shared declarative refresh steps").
func refreshTarget(content string) string {
	m := refresh.FindStringSubmatch(content[:min(len(content), maxAddress)])
	if m == nil {
		return ""
	}
	if n, err := strconv.Atoi(m[1]); m[1] != "" && (err != nil || n > maxDelay) {
		return ""
	}
	return strings.TrimSpace(m[2])
}
