package fetch

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ParseGiven is like Parse, for addresses as people have them in their tables: in
// quotes, with invisible characters, with escaped slashes, without a scheme, or of the
// page on which a file-sharing service shows the picture. If it takes https because the
// address leaves the scheme out, plain is the address with http, for a host that cannot be
// connected to by https; else nil. It is nil too for an address with a port, and for a
// shared file, whose link may be a secret.
func ParseGiven(raw string) (address, plain *url.URL, err error) {
	whole, guessed := withScheme(withOneScheme(unwrapped(raw)))
	given, err := Parse(whole)
	if err == nil {
		address, err = direct(given)
	}
	if err != nil {
		return nil, nil, err
	}
	if guessed && address == given {
		plain = new(url.URL)
		*plain = *address
		plain.Scheme = "http"
	}
	return address, plain, nil
}

// invisible characters get into cells by copying.
var invisible = strings.NewReplacer(
	"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\u200e", "", "\u200f", "", `\/`, "/", `\u002F`, "/", `\u002f`, "/", `\u0026`, "&",
)

// unwrapped removes what stands around an address.
func unwrapped(raw string) string {
	s := strings.TrimSpace(invisible.Replace(raw))
	for _, pair := range []string{`""`, "''", "<>", "“”", "„“", "«»", "``"} {
		marks := []rune(pair)
		begin, end := string(marks[0]), string(marks[1])
		if inner, ok := strings.CutPrefix(s, begin); ok && strings.HasSuffix(inner, end) {
			s = strings.TrimSpace(strings.TrimSuffix(inner, end))
		}
	}
	return s
}

// severalSchemes is what is left of pasting an address behind the "http://" of a form.
var severalSchemes = regexp.MustCompile(`(?i)^(?:https?:?/+)+(https?:/)`)

// mistyped are http:// and https:// with a letter too many or too few, or with other signs
// behind the name. It is none of the disks H: and T:.
var mistyped = regexp.MustCompile(`(?i)^(?:h{1,2}t{1,3}p{0,2}|h{0,2}t{1,3}p{1,2}|h{1,2}p{1,2})s{0,2}\s*(?:[:;.,]+\s*/+|/{2,})\s*`)

// withRightScheme returns an address with the scheme that was meant by one that is mistyped.
func withRightScheme(s string) string {
	begin := mistyped.FindString(s)
	switch {
	case strings.HasPrefix(s, "://"):
		return s[1:]
	case begin == "":
		return s
	case strings.ContainsAny(begin, "sS"):
		return "https://" + s[len(begin):]
	}
	return "http://" + s[len(begin):]
}

// withOneScheme returns an address with the last of several schemes, and one that is escaped
// as a whole in plain.
func withOneScheme(s string) string {
	if lower := strings.ToLower(s[:min(len(s), 10)]); strings.HasPrefix(lower, "http%3a") || strings.HasPrefix(lower, "https%3a") {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	s = severalSchemes.ReplaceAllString(withRightScheme(s), "$1")
	if i := strings.Index(s, "://"); i > 0 { // one more behind it
		if inner := withRightScheme(s[i+len("://"):]); inner != s[i+len("://"):] {
			return inner
		}
	}
	return s
}

// bareHost is the beginning of an address without a scheme: a host, and a port.
var bareHost = regexp.MustCompile(`^([^\s/\\?#@:]+)(:[0-9]{1,5})?(/|$)`)

// withScheme adds the scheme that an address leaves out. Like browsers, it takes https,
// but http for addresses in numbers, this machine and unusual ports. It reports whether
// https is a guess, which no port supports.
func withScheme(s string) (whole string, guessed bool) {
	rest, relative := strings.CutPrefix(s, "//")
	m := bareHost.FindStringSubmatch(rest)
	if m == nil || (!relative && !isSite(m[1], m[3] == "/")) {
		return s, false
	}
	_, err := netip.ParseAddr(m[1])
	if err == nil || strings.EqualFold(m[1], "localhost") || (m[2] != "" && m[2] != ":443") {
		return "http://" + rest, false
	}
	return "https://" + rest, m[2] == ""
}

// isSite reports whether a text is more likely a host than a folder or a file: an
// address in numbers, or a name under a public top-level domain. A name without a path
// must begin with "www.".
func isSite(host string, path bool) bool {
	host = strings.ToLower(host)
	if strings.HasPrefix(host, "www.") && strings.Count(host, ".") > 1 {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return path
	}
	_, public := publicsuffix.PublicSuffix(host)
	return path && public && strings.Contains(host, ".") && !strings.HasPrefix(host, ".")
}

// direct returns the address of the file that a page of a file-sharing service shows,
// or u itself. The error is for folders, which are no picture.
func direct(u *url.URL) (*url.URL, error) {
	switch host := strings.TrimPrefix(u.Hostname(), "www."); {
	case host == "drive.google.com" || host == "docs.google.com":
		return fromDrive(u)
	case strings.HasPrefix(host, "google.") && (u.Path == "/imgres" || u.Path == "/url"):
		return fromSearch(u)
	case host == "dropbox.com":
		return fromDropbox(u)
	case host == "github.com" && strings.Contains(u.Path, "/blob/"):
		return withQuery(u, u.Path, func(q url.Values) { q.Set("raw", "true") }), nil
	case strings.HasSuffix(host, ".sharepoint.com") && strings.HasPrefix(u.Path, "/:i:/"):
		return withQuery(u, u.Path, func(q url.Values) { q.Set("download", "1") }), nil
	}
	return u, nil
}

// fromSearch reads the links of Google's results, which have the address of the picture or the
// page in them.
func fromSearch(u *url.URL) (*url.URL, error) {
	for _, name := range []string{"imgurl", "url", "q"} {
		if inner := u.Query().Get(name); inner != "" {
			return Parse(inner)
		}
	}
	return u, nil
}

var driveFile = regexp.MustCompile(`^(?:/a/[^/]+)?/file/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]+)`)

// fromDrive reads /file/d/ID/view, /open?id=ID and /uc?id=ID.
func fromDrive(u *url.URL) (*url.URL, error) {
	id := ""
	switch m := driveFile.FindStringSubmatch(u.Path); {
	case m != nil:
		id = m[1]
	case strings.Contains(u.Path, "/folders/") || strings.HasSuffix(u.Path, "/folderview"):
		return nil, aFolder(u)
	case strings.HasSuffix(u.Path, "/open") || strings.HasSuffix(u.Path, "/uc") || strings.HasSuffix(u.Path, "/thumbnail"):
		id = u.Query().Get("id")
	}
	if id == "" || strings.HasSuffix(u.Path, "/thumbnail") {
		return u, nil
	}
	key := u.Query().Get("resourcekey")
	return withQuery(u, "/uc", func(q url.Values) {
		clear(q)
		q.Set("export", "download")
		q.Set("id", id)
		if key != "" {
			q.Set("resourcekey", key)
		}
	}), nil
}

// fromDropbox reads /s/ID/NAME?dl=0 and /scl/fi/ID/NAME?rlkey=KEY&dl=0.
func fromDropbox(u *url.URL) (*url.URL, error) {
	switch {
	case strings.HasPrefix(u.Path, "/sh/") || strings.HasPrefix(u.Path, "/scl/fo/"):
		return nil, aFolder(u)
	case strings.HasPrefix(u.Path, "/s/") || strings.HasPrefix(u.Path, "/scl/fi/"):
		return withQuery(u, u.Path, func(q url.Values) {
			q.Del("dl")
			q.Set("raw", "1")
		}), nil
	}
	return u, nil
}

func aFolder(u *url.URL) error {
	return fault.New(fault.ImageUnsupported,
		"the address is that of a folder on %s: give the share link of the picture itself", u.Hostname()).
		WithSummary(fault.NotAPicture("a folder"))
}

func withQuery(u *url.URL, path string, change func(url.Values)) *url.URL {
	q := u.Query()
	change(q)
	to := *u
	if path != u.Path {
		to.Path, to.RawPath = path, ""
	}
	to.RawQuery = q.Encode()
	return &to
}
