package llm

import (
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is how many addresses one call may be sent to.
const maxRedirects = 5

// redirected returns where an answer sends the same request, or after 303 a GET: to the same host, by the same
// scheme or from http to https, so that a key goes to no one but its server. Empty: the
// answer is no such redirect. A server that wants TLS on this port redirects so too, in a text or
// a page; JSON with its words may quote the question.
func redirected(from string, res *response) string {
	switch res.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusBadRequest:
		if rest, plain := strings.CutPrefix(from, "http://"); plain && !isJSON(res.body) && anyIn(strings.ToLower(res.body), httpsWords) {
			return "https://" + rest
		}
		return ""
	default:
		return ""
	}
	base, err := url.Parse(from)
	if err != nil {
		return ""
	}
	to, err := base.Parse(res.header.Get("Location"))
	if err != nil || res.header.Get("Location") == "" || to.Hostname() != base.Hostname() {
		return ""
	}
	if to.Scheme == base.Scheme && to.Port() == base.Port() || base.Scheme == "http" && to.Scheme == "https" {
		return to.String()
	}
	return ""
}

// movedForGood reports whether an answer that redirects does so for all calls to come.
func movedForGood(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect || status == http.StatusBadRequest
}

// methodAfter returns the method for what an answer redirects to. Modal answers 303 if a
// call takes long: the answer is fetched, and not asked for again.
func methodAfter(status int, method string) string {
	if status == http.StatusSeeOther {
		return http.MethodGet
	}
	return method
}
