package llm

import (
	"errors"
	"net/http"
	"net/url"
)

// maxRedirects is how many addresses one call may be sent to.
const maxRedirects = 5

var errRedirects = errors.New("the model's server redirects without end")

// redirected returns where an answer sends the same POST: to the same host, by the same
// scheme or from http to https, so that a key goes to no one but its server. Empty: the
// answer is no such redirect.
func redirected(from string, res *response) string {
	switch res.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
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
