package fetch

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// Limits of what shops may have a session keep. Cookies beyond them are ignored.
const (
	maxCookies     = 64 // that were set, over the whole session
	maxCookieBytes = 4 << 10
	maxJarBytes    = 16 << 10 // of all cookies that were set
)

// Session keeps the cookies of one page and of its pictures, so that a shop that asks
// for its cookie back gets it. Each item has its own: cookies never pass from one item,
// or one caller, to another. It is safe for concurrent use.
type Session struct {
	jar *cookiejar.Jar

	mu    sync.Mutex
	count int
	bytes int
}

// NewSession returns a session without cookies.
func NewSession() *Session {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // it never fails
	return &Session{jar: jar}
}

// Empty reports whether no shop has set a cookie.
func (s *Session) Empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count == 0
}

// receive keeps the cookies of a response.
func (s *Session) receive(resp *http.Response, from *url.URL) {
	var kept []*http.Cookie
	s.mu.Lock()
	for _, c := range resp.Cookies() {
		n := len(c.Name) + len(c.Value)
		if n > maxCookieBytes || s.count == maxCookies || s.bytes+n > maxJarBytes {
			continue
		}
		s.count++
		s.bytes += n
		kept = append(kept, c)
	}
	s.mu.Unlock()
	s.jar.SetCookies(from, kept)
}

// send adds the cookies for the request's address, and returns them.
func (s *Session) send(req *http.Request) string {
	for _, c := range s.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	return req.Header.Get("Cookie")
}

// refererFor returns the Referer of a request that a page leads to, as browsers send it
// (Referrer Policy, "strict-origin-when-cross-origin"): the page to its own site, the
// site to others, nothing from an encrypted page to an address that is not.
func refererFor(page, target *url.URL) string {
	switch {
	case page == nil, page.Scheme == "https" && target.Scheme != "https":
		return ""
	case page.Scheme != target.Scheme || !strings.EqualFold(page.Host, target.Host):
		return siteOf(page)
	}
	clean := *page
	clean.User, clean.Fragment, clean.RawFragment = nil, "", ""
	return clean.String()
}

// siteOf returns the address of a site's first page.
func siteOf(u *url.URL) string { return u.Scheme + "://" + u.Host + "/" }
