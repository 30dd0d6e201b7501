package fetch

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/credenza-dev/credenza/internal/fault"
)

// MaxAddress is the longest address that is accepted, in bytes.
const MaxAddress = 8 << 10

// pathCharacters are escaped in a path, in addition to what the standard asks for:
// url.URL would otherwise escape the whole path again, and "%2F" would become a slash.
var pathCharacters = whatwg.PathPercentEncodeSet.Set('^', '|')

var parser = whatwg.NewParser(whatwg.WithPercentEncodeSinglePercentSign(), whatwg.WithPathPercentEncodeSet(pathCharacters))

// Parse reads an address of scheme http or https as browsers do (WHATWG URL
// Standard): with spaces around it, backslashes, letters of any script, and hosts
// that are numbers in any notation. The host of the result is a name in ASCII or an
// address in its usual form, so that the address that is checked is the one that is
// dialled. The result has no fragment, no port that is the scheme's own, and no dot
// at the end of the host, so that one place has one address.
//
// The error is a fault with the reason ImageForbidden.
func Parse(raw string) (*url.URL, error) { return resolve(nil, raw) }

// resolve reads a reference in the document at base; a nil base requires an address.
func resolve(base *url.URL, reference string) (*url.URL, error) {
	if len(reference) > MaxAddress {
		return nil, fault.New(fault.ImageForbidden, "the address has %d bytes, at most %d are allowed: shorten it",
			len(reference), MaxAddress).WithSummary(fault.PictureNoAddress)
	}
	from := ""
	if base != nil {
		from = base.String()
	} else if err := checkScheme(reference); err != nil {
		return nil, err
	}
	parsed, err := parser.ParseRef(from, reference)
	if err != nil {
		return nil, unreadable(err)
	}
	if err := checkScheme(parsed.Href(true)); err != nil {
		return nil, err
	}
	host, err := checkHost(parsed.Hostname())
	if err != nil {
		return nil, unreadable(err)
	}
	parsed.SetHostname(host)
	u, err := url.Parse(parsed.Href(true))
	if err != nil {
		return nil, unreadable(err)
	}
	return u, nil
}

func unreadable(err error) error {
	return fault.Wrap(err, fault.ImageForbidden, "the address has no host that can be asked (%v): correct it", err).
		WithSummary(fault.PictureNoAddress)
}

func checkScheme(address string) error {
	scheme, _, ok := strings.Cut(strings.TrimLeftFunc(address, func(r rune) bool { return r <= ' ' }), ":")
	switch scheme = strings.ToLower(scheme); {
	case !ok || len(scheme) == 1 || strings.ContainsAny(scheme, "/?#. "): // "C:" is a disk
		return fault.New(fault.ImageForbidden,
			"the address does not begin with http:// or https://: give it whole, or send the picture in image_data").
			WithSummary(fault.PictureNoAddress)
	case scheme != "http" && scheme != "https":
		return fault.New(fault.ImageForbidden,
			"addresses of scheme %q are not fetched: give one with http or https, or send the picture in image_data",
			clip(scheme, 20)).WithSummary(fault.PictureForbidden)
	}
	return nil
}

// checkHost returns a parsed host without the dot that may end it.
func checkHost(host string) (string, error) {
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 || name == "" || name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") {
		return "", errors.New("its name is too long, or a part of it is empty")
	}
	return name, nil
}

// parseHost returns a host as it is dialled: an address without brackets, or a name.
func parseHost(host string) (string, error) {
	u, err := Parse("http://" + host)
	if err != nil || strings.ContainsAny(host, `/\?#@:`) {
		return "", errors.New("it is not a host")
	}
	return u.Hostname(), nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// usualPorts are the ports that addresses of a scheme leave out.
var usualPorts = map[string]uint64{"http": 80, "https": 443}

func portOf(address *url.URL) string {
	if p := address.Port(); p != "" {
		return p
	}
	return strconv.FormatUint(usualPorts[address.Scheme], 10)
}
