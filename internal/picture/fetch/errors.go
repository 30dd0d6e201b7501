package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/credenza-dev/credenza/internal/fault"
)

// statusError is a response with an unexpected status.
type statusError struct {
	host string
	code int
}

// Error implements error.
func (e *statusError) Error() string { return fmt.Sprintf("%s answered %d", e.host, e.code) }

// fault explains the status to the user.
func (e *statusError) fault() *fault.Fault {
	advice, summary := "open the address in a browser, and correct it", fault.PictureUnreachable
	switch {
	case e.code == http.StatusUnauthorized || e.code == http.StatusForbidden || e.code == http.StatusUnavailableForLegalReasons:
		advice = "the shop refuses programs or asks for a login: send the picture in image_data"
		summary = fault.PictureBlocked
	case e.code == http.StatusNotFound || e.code == http.StatusGone:
		advice, summary = "nothing is at the address: correct it", fault.PictureNotFound
	case e.code >= 500:
		advice = "the shop has an error: try again later"
	}
	return fault.New(fault.ImageUnreachable, "%s answered %s; %s",
		e.host, strings.TrimSpace(fmt.Sprint(e.code, " ", http.StatusText(e.code))), advice).WithSummary(summary)
}

// unconnected is the error of a request for which there was no connection, or none that
// TLS could be spoken on.
type unconnected struct {
	error
	site string
}

// Unwrap returns the error that it is about.
func (e *unconnected) Unwrap() error { return e.error }

// IsUnconnected reports whether an error is that the site of the address cannot be connected
// to. It is not if there is no such host, the guard forbids it, or its certificate is not
// trusted.
func IsUnconnected(err error, address *url.URL) bool {
	e, ok := errors.AsType[*unconnected](err)
	if !ok || e.site != siteOf(address) {
		return false
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return !isForbidden(err) && !untrusted && !(ok && dns.IsNotFound)
}

// isForbidden reports whether the guard has refused a connection.
func isForbidden(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedPort) || errors.Is(err, ssrf.ErrProhibitedIP) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork) || errors.Is(err, ssrf.ErrInvalidHostPort)
}

// explain turns an error into a fault, except for faults and for errors that the caller
// handles.
func (c *Client) explain(ctx context.Context, err error, address *url.URL, r request) error {
	host := address.Hostname()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimeout):
		return fault.Wrap(err, fault.ImageUnreachable,
			"%s did not send its whole response within %v: try again later, or send the picture in image_data", host, r.timeout).
			WithSummary(fault.PictureTimedOut)
	case errors.Is(cause, errStalled):
		return fault.Wrap(err, fault.ImageUnreachable,
			"%s almost stopped in the middle of its response: try again later, or send the picture in image_data", host).
			WithSummary(fault.PictureTimedOut)
	}
	var (
		known   *fault.Fault
		busy    *Busy
		status  *statusError
		dns     *net.DNSError
		untrust *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &known), errors.As(err, &busy), errors.As(err, &status):
		return err
	case errors.Is(err, ssrf.ErrProhibitedPort):
		return fault.Wrap(err, fault.ImageForbidden,
			"port %s of %s is not allowed, only %s: give another address, or have the host allowed with CREDENZA_IMAGE_ALLOW",
			portOf(address), host, c.ports()).
			WithSummary(fault.PictureForbidden)
	case isForbidden(err):
		return fault.Wrap(err, fault.ImageForbidden,
			"%s is in a private or reserved network, which is not allowed: give a public address, or have it allowed with CREDENZA_IMAGE_ALLOW", host).
			WithSummary(fault.PictureForbidden)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.Wrap(err, fault.ImageUnreachable, "there is no host %s: correct the address", host).
			WithSummary(fault.PictureUnreachable)
	case errors.As(err, &untrust):
		return fault.Wrap(err, fault.ImageUnreachable, "%s has no trusted certificate: send the picture in image_data", host).
			WithSummary(fault.PictureUnreachable)
	case errors.Is(err, errCorrupt):
		return fault.Wrap(err, fault.ImageUnsupported, "the compressed response of %s is corrupt: send the picture in image_data", host).
			WithSummary(fault.PictureDamaged)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Wrap(err, fault.ImageUnreachable, "%s broke off in the middle of its response: try again later", host).
			WithSummary(fault.PictureUnreachable)
	}
	return fault.Wrap(err, fault.ImageUnreachable, "%s cannot be reached: try again later, or correct the address", host).
		WithSummary(fault.PictureUnreachable)
}

// ports lists the allowed ports, for people.
func (c *Client) ports() string {
	names := make([]string, len(c.config.Ports))
	for i, p := range c.config.Ports {
		names[i] = strconv.Itoa(int(p))
	}
	return strings.Join(names, " and ")
}

func tooLarge(resp *http.Response, r request) *fault.Fault {
	return fault.New(fault.ImageTooLarge, "%s sends more than the %s that are allowed: give the address of a smaller version",
		resp.Request.URL.Hostname(), size(r.limit)).
		WithSummary(fault.PictureTooLarge)
}

func size(n int64) string {
	if n >= 1e6 {
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// retryAfter reads the header (RFC 9110, section 10.2.3), which is in seconds or a
// date. It returns 0 if there is no valid one.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), 1e6)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
