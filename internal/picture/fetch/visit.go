package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Request is what one fetch asks for.
type Request struct {
	// Address is one that Parse returned.
	Address *url.URL
	// Guessed is set if https is a guess: the fetch fails at once, as IsUnconnected
	// reports, if the host IsPlain.
	Guessed bool
	// Known are the validators of the last response, if any.
	Known Validators
	// Session has the cookies of the fetches before; nil: the fetch has its own.
	Session *Session
	// Page is the page that shows the picture, for the Referer; nil: none. A picture
	// without one that is refused is asked for again as its own site's page would.
	Page *url.URL
	// Check is called with the target of each redirect before the target is requested.
	// If it returns an error, which must be one of Fetch's, that is returned. nil: any
	// redirect is followed.
	Check func(context.Context, *url.URL) error
	// Forward returns the reference to which a whole response sends on by its content,
	// or "". It counts as a redirect. nil: none does.
	Forward func(*Resource) string
	// Usable reports whether what there is of a body that broke off may be used. nil: it
	// is an error.
	Usable func(body []byte) bool
}

// Fetch fetches an address. The caller must Close the resource. The error is ctx's, a
// *Busy, or a *fault.Fault with one of the reasons ImageUnreachable, ImageForbidden,
// ImageTooLarge and ImageUnsupported.
func (c *Client) Fetch(ctx context.Context, r Request) (*Resource, error) {
	if r.Session == nil {
		r.Session = NewSession()
	}
	got, err := c.fetch(ctx, request{Request: r, limit: c.config.MaxBytes, timeout: c.config.Timeout, pictures: true})
	if status, ok := errors.AsType[*statusError](err); ok {
		return nil, status.fault()
	}
	return got, err
}

// visit is the state of one fetch over its redirects.
type visit struct {
	request
	address *url.URL
	hops    int
	seen    map[string]int // times that an address was requested with the same cookies
	visits  map[string]int // times that an address was requested at all
	retried bool           // as its own site's page would
}

// maxVisits is how often a fetch may request one address. Shops redirect to the same
// address to see whether a cookie comes back; more often it is a circle.
const maxVisits = 3

func newVisit(r request) *visit {
	return &visit{request: r, address: r.Address, seen: map[string]int{}, visits: map[string]int{}}
}

// arrive records the request of the address with the cookies that it was sent.
func (v *visit) arrive(cookies string) {
	v.seen[v.address.String()+"\n"+cookies]++
	v.visits[v.address.String()]++
}

// turn goes on to the target of a redirect. It returns an error if that leads in a
// circle or too far.
func (v *visit) turn(next *url.URL) error {
	from := v.address.Hostname()
	v.address, v.hops = next, v.hops+1
	switch {
	case v.seen[next.String()+"\n"+v.cookies()] > 0 || v.visits[next.String()] >= maxVisits:
		return fault.New(fault.ImageUnreachable,
			"%s redirects in a circle: open the address in a browser and give the one where it ends", from).
			WithSummary(fault.PictureLoop)
	case v.hops > MaxRedirects:
		return fault.New(fault.ImageUnreachable,
			"%s redirects more than %d times: give the address where it ends", from, MaxRedirects).
			WithSummary(fault.PictureLoop)
	}
	return nil
}

// cookies returns the cookies that a request of the address would be sent with.
func (v *visit) cookies() string {
	if v.Session == nil {
		return ""
	}
	return v.Session.send(&http.Request{URL: v.address, Header: http.Header{}})
}

// referer returns the Referer of the next request.
func (v *visit) referer() string {
	if v.retried {
		return siteOf(v.address)
	}
	return refererFor(v.Page, v.address)
}

// retry reports whether a refused request is to be sent again with the Referer of its
// own site: many shops serve pictures to their own pages only.
func (v *visit) retry(err error) bool {
	status, ok := errors.AsType[*statusError](err)
	if !ok || status.code != http.StatusForbidden || !v.pictures || v.Page != nil || v.retried {
		return false
	}
	v.retried = true
	return true
}

// onward returns the target to which a response leads by its content, or nil.
func (v *visit) onward(got *Resource) (*url.URL, error) {
	if v.Forward == nil || got.NotModified {
		return nil, nil //nolint:nilnil // it leads nowhere
	}
	reference := v.Forward(got)
	if reference == "" {
		return nil, nil //nolint:nilnil // it leads nowhere
	}
	next, err := resolve(got.Address, reference)
	if next != nil && next.String() == got.Address.String() {
		return nil, nil //nolint:nilnil // a page that loads itself again stays where it is
	}
	return next, err
}

// newRequest returns the next request, with its cookies.
func (c *Client) newRequest(ctx context.Context, v *visit) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.address.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	if referer := v.referer(); referer != "" {
		req.Header.Set("Referer", referer)
	}
	if name := v.address.User.Username(); name != "" {
		password, _ := v.address.User.Password()
		req.SetBasicAuth(name, password)
	}
	if v.Known.applyTo(v.address) && v.Known.ETag != "" {
		req.Header.Set("If-None-Match", v.Known.ETag)
	}
	if v.Known.applyTo(v.address) && v.Known.LastModified != "" {
		req.Header.Set("If-Modified-Since", v.Known.LastModified)
	}
	cookies := ""
	if v.Session != nil {
		cookies = v.Session.send(req)
	}
	v.arrive(cookies)
	return req, nil
}
