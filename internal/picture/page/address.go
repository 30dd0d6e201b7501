package page

import (
	"fmt"
	"html"
	"net/url"
	"path"
	"strings"
)

// maxAddress is the longest address that is used, in bytes.
const maxAddress = 4096

// resolve returns the absolute address of a reference in the page, or nil if it cannot
// be fetched. Like browsers, it accepts line breaks, spaces, backslashes, percent signs
// that escape nothing, and entities that were escaped twice.
func (s *scan) resolve(reference string) *url.URL {
	reference = strings.TrimSpace(reference)
	if reference == "" || len(reference) > maxAddress || strings.HasPrefix(reference, "#") {
		return nil
	}
	if strings.Contains(reference, "&") {
		reference = unescape(reference)
	}
	u, err := url.Parse(escaped(lenient.Replace(expand(reference, wanted))))
	if err != nil {
		return nil
	}
	u = s.base.ResolveReference(u)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || isTemplate(u) {
		return nil
	}
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	return u
}

var lenient = strings.NewReplacer("\n", "", "\r", "", "\t", "", " ", "%20", "\\", "/")

// escaped escapes all characters that no address contains, and percent signs that
// escape nothing. url.URL would escape the whole path again, and "%2F" would become a
// slash.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		whole := len(s)-i > 2 && isHex(s[i+1]) && isHex(s[i+2])
		if (c == '%' && !whole) || c < ' ' || c >= 0x7f || strings.IndexByte("\"<>`{}|^", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unescape replaces entities with a semicolon. Without one, they are more likely
// parameters: "?a=1&copy=2".
func unescape(s string) string {
	for _, e := range []string{"&amp;", "&#38;", "&#x26;", "&quot;", "&#34;", "&#39;", "&#x2F;", "&#47;"} {
		s = strings.ReplaceAll(s, e, html.UnescapeString(e))
	}
	return s
}

// words splits a name in an address or attribute into lower-case words.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80
	})
}

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

var (
	// logoWords are in the file names of pictures that show no product.
	logoWords = set("logo logos logotype favicon sprite sprites placeholder spacer blank noimage nophoto " +
		"loader loading avatar watermark pixel transparent")
	// logoFolders contain such files.
	logoFolders = set("logo logos icons favicon favicons sprites flags badges payment payments avatars ads banner banners")
	// cardFolders contain pictures for social networks.
	cardFolders = set("social opengraph og-images share sharing social-share")
	// cardWords and fillerWords are all words of the names of such pictures.
	cardWords   = set("social share sharing shared card facebook fb twitter default")
	fillerWords = set("og ogimage opengraph image img picture pic preview banner site home homepage website page main thumb thumbnail meta shop store new")
)

// isLogo reports whether the address is that of a logo, an icon or a placeholder.
func isLogo(u *url.URL) bool {
	folder, file := path.Split(u.Path)
	ext := strings.ToLower(path.Ext(file))
	if ext == ".svg" || ext == ".ico" {
		return true
	}
	name := words(strings.TrimSuffix(file, path.Ext(file)))
	for i, w := range name {
		if logoWords[w] || (w == "no" && i+1 < len(name) && set("image images photo picture img")[name[i+1]]) {
			return true
		}
	}
	return inFolder(folder, logoFolders)
}

// isCard reports whether the address is that of a card for social networks, which
// shows the shop, or text over the product.
func isCard(u *url.URL) bool {
	folder, file := path.Split(u.Path)
	if inFolder(folder, cardFolders) {
		return true
	}
	card := false
	for _, w := range words(strings.TrimSuffix(file, path.Ext(file))) {
		switch {
		case cardWords[w]:
			card = true
		case fillerWords[w] || strings.Trim(w, "0123456789x") == "":
		default:
			return false
		}
	}
	return card
}

func inFolder(folder string, names map[string]bool) bool {
	for f := range strings.SplitSeq(strings.ToLower(folder), "/") {
		if names[f] {
			return true
		}
	}
	return false
}
