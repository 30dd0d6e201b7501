package fetch

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of robots.txt. RFC 9309 requires that at least 500 KiB are read and that a
// file is kept for at most a day.
const (
	robotsBytes   = 500 << 10
	robotsTimeout = 5 * time.Second
	robotsTTL     = 24 * time.Hour
	errorTTL      = time.Minute // of a host that answers with an error
	// silentTTL is for hosts that do not answer. They may be back at any time, but each
	// request to a silent host takes robotsTimeout.
	silentTTL = 15 * time.Second
	// maxRules bounds the memory for the rules of all hosts, in bytes.
	maxRules = 16 << 20
)

// rules are the content of a host's robots.txt, or the error instead of it.
type rules struct {
	robots *robots
	err    error
	until  time.Time
}

// CheckRobots returns an ImageForbidden fault if the robots.txt of the page's host (RFC
// 9309) forbids it. If robots.txt cannot be fetched, the error is one of Fetch's. A host
// without a robots.txt allows everything.
func (c *Client) CheckRobots(ctx context.Context, page *url.URL) error {
	site := page.Scheme + "://" + page.Host
	r, ok := c.rules.GetIfPresent(site)
	if !ok || time.Now().After(r.until) {
		var err error
		r, err = c.reading.Do(ctx, site, func(ctx context.Context) (*rules, error) { return c.readRules(ctx, site) })
		if err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	if !r.robots.allows(page.RequestURI()) {
		return fault.New(fault.ImageForbidden,
			"the robots.txt of %s forbids this page to programs: give the picture's own address in image_url, or send it in image_data",
			page.Hostname()).WithSummary(fault.PictureRobots)
	}
	return nil
}

func (c *Client) readRules(ctx context.Context, site string) (*rules, error) {
	address, err := Parse(site + "/robots.txt")
	if err != nil {
		return nil, err
	}
	got, err := c.fetch(ctx, request{Request: Request{Address: address}, limit: robotsBytes, truncate: true, timeout: robotsTimeout})
	status, answered := errors.AsType[*statusError](err)
	switch {
	case err == nil:
		defer got.Close()
		return c.remember(site, rules{robots: parseRobots(got.Body)}, robotsTTL), nil
	case answered && status.code < 500:
		return c.remember(site, rules{robots: &robots{}}, robotsTTL), nil
	case answered:
		// Such a shop is not known to allow anything.
		return c.remember(site, rules{err: fault.Wrap(err, fault.ImageUnreachable,
			"%s answered %d to the request for its robots.txt, so its pages are not read: try again later",
			status.host, status.code).WithSummary(fault.PictureUnreachable)}, errorTTL), nil
	case isFault(err):
		return c.remember(site, rules{err: err}, silentTTL), nil
	}
	return nil, err // the caller left, or the host pauses
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Fault](err)
	return ok
}

func (c *Client) remember(site string, r rules, ttl time.Duration) *rules {
	r.until = time.Now().Add(ttl)
	c.rules.Set(site, &r)
	return &r
}
