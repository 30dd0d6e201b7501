package fetch

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of robots.txt. RFC 9309 asks for at least 500 KiB to be read, and for
// no more than a day to be remembered.
const (
	robotsBytes   = 500 << 10
	robotsTimeout = 5 * time.Second
	robotsAge     = 24 * time.Hour
	robotsBadAge  = time.Minute
	// robotsDeadAge is for hosts that do not answer at all. They may be back at any
	// time, but each item that finds out anew takes robotsTimeout.
	robotsDeadAge = 15 * time.Second
	// maxRules is what the rules of all hosts weigh, in bytes.
	maxRules = 16 << 20
)

// rules are what a host's robots.txt says, or why nobody knows.
type rules struct {
	robots *robots
	err    error
	until  time.Time
}

// MayRead reports whether a page may be read by its host's robots.txt (RFC
// 9309): nil, an ImageForbidden fault if it may not, or why robots.txt could not
// be had, as Get's errors. A host without one allows everything.
func (c *Client) MayRead(ctx context.Context, page *url.URL) error {
	site := page.Scheme + "://" + page.Host
	r, ok := c.rules.GetIfPresent(site)
	if !ok || time.Now().After(r.until) {
		var err error
		r, err = c.reading.Do(ctx, site, func(ctx context.Context) (rules, error) { return c.readRules(ctx, site) })
		if err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	if !r.robots.allows(page.RequestURI()) {
		return fault.New(fault.ImageForbidden,
			"the robots.txt of %s keeps programs from this page: give the picture's own address in image_url, or send it in image_data",
			page.Hostname())
	}
	return nil
}

func (c *Client) readRules(ctx context.Context, site string) (rules, error) {
	address, err := Parse(site + "/robots.txt")
	if err != nil {
		return rules{}, err
	}
	got, err := c.fetch(ctx, address, request{limit: robotsBytes, cut: true, timeout: robotsTimeout})
	status, answered := errors.AsType[*statusError](err)
	switch {
	case err == nil:
		defer got.Close()
		return c.remember(site, rules{robots: parseRobots(got.Body)}, robotsAge), nil
	case answered && status.code < 500:
		return c.remember(site, rules{robots: &robots{}}, robotsAge), nil
	case answered:
		// A shop that fails here is not known to allow anything.
		return c.remember(site, rules{err: fault.Wrap(err, fault.ImageUnreachable,
			"%s answered %d when asked for its robots.txt, so that its pages are not read: try again later",
			status.host, status.code)}, robotsBadAge), nil
	case isFault(err):
		return c.remember(site, rules{err: err}, robotsDeadAge), nil
	}
	return rules{}, err // of a caller who left, or of a host that pauses
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Fault](err)
	return ok
}

func (c *Client) remember(site string, r rules, age time.Duration) rules {
	r.until = time.Now().Add(age)
	c.rules.Set(site, r)
	return r
}
