package fetch

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/credenza-dev/credenza/internal/fault"
)

// MaxAddress is the longest address that is taken, in bytes.
const MaxAddress = 8 << 10

// Parse reads an address as browsers do (WHATWG URL Standard, for the schemes
// http and https): with blanks around it, backslashes, letters of any script,
// and hosts that are numbers in any of the ways in which those can be written.
// The host of the result is a name in ASCII or an address in its one usual form,
// so that what is checked is what is dialled, and the same place is the same
// address: without the dot that may end a name, and without the scheme's own
// port. The fragment is dropped.
//
// The error is a fault with the reason ImageForbidden, or InvalidItem for one
// that is too long.
func Parse(raw string) (*url.URL, error) {
	if len(raw) > MaxAddress {
		return nil, fault.New(fault.InvalidItem, "the address has %d bytes, at most %d are taken: shorten it",
			len(raw), MaxAddress)
	}
	raw = strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
	scheme, rest, err := splitScheme(raw)
	if err != nil {
		return nil, err
	}
	rest = strings.TrimLeft(rest, `/\`)
	end := strings.IndexAny(rest, `/\?#`)
	if end < 0 {
		end = len(rest)
	}
	authority, err := parseAuthority(scheme, rest[:end])
	if err != nil {
		return nil, fault.Wrap(err, fault.ImageForbidden,
			"the address has no host that can be asked (%v): correct it", err)
	}
	u, err := url.Parse(scheme + "://" + authority.host + encoded(rest[end:]))
	if err != nil {
		return nil, fault.Wrap(err, fault.ImageForbidden, "the address cannot be read: correct it")
	}
	u.User = authority.user
	return u.ResolveReference(u), nil // which also resolves "/../"
}

func splitScheme(raw string) (scheme, rest string, err error) {
	scheme, rest, ok := strings.Cut(raw, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !ok || strings.ContainsAny(scheme, "/?#. "):
		return "", "", fault.New(fault.ImageForbidden,
			"the address does not begin with http:// or https://: give it whole, or send the picture in image_data")
	case scheme != "http" && scheme != "https":
		return "", "", fault.New(fault.ImageForbidden,
			"addresses of scheme %q are not fetched: give one with http or https, or send the picture in image_data",
			scheme[:min(len(scheme), 20)])
	}
	return scheme, rest, nil
}

type authority struct {
	host string // with its port, if that is not the usual one
	user *url.Userinfo
}

// usualPorts are those that addresses of a scheme leave out.
var usualPorts = map[string]uint64{"http": 80, "https": 443}

func parseAuthority(scheme, s string) (authority, error) {
	var a authority
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		name, password, _ := strings.Cut(s[:i], ":")
		a.user = url.UserPassword(decodedOr(name), decodedOr(password))
		s = s[i+1:]
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
	}
	name, err := parseHost(host)
	if err != nil {
		return authority{}, err
	}
	if a.host = name; strings.Contains(name, ":") {
		a.host = "[" + name + "]"
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return authority{}, errors.New("its port is no number up to 65535")
		}
		if n != usualPorts[scheme] {
			a.host = net.JoinHostPort(name, strconv.FormatUint(n, 10))
		}
	}
	return a, nil
}

func decodedOr(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// toASCII maps names as browsers do: other scripts to punycode, wide digits and
// dots to plain ones. Underscores stay, as real shops have them.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false),
	idna.CheckHyphens(false), idna.VerifyDNSLength(false))

// parseHost returns a host as it is to be dialled.
func parseHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !strings.HasSuffix(inner, "]") || ip.Zone() != "" || !ip.Is6() {
			return "", errors.New("it is no IPv6 address")
		}
		return ip.String(), nil
	}
	name, err := url.PathUnescape(host)
	if err != nil || !utf8.ValidString(name) {
		return "", errors.New("its name is escaped wrongly")
	}
	name, err = toASCII.ToASCII(name)
	name = strings.TrimSuffix(name, ".")
	switch {
	case err != nil:
		return "", errors.New("its name is none that there can be")
	case name == "":
		return "", errors.New("its name is empty")
	case name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, ".."):
		return "", errors.New("a part of its name is empty")
	case len(name) > 253 || strings.ContainsFunc(name, forbiddenInHost):
		return "", errors.New("its name holds what no name can")
	case endsInNumber(name):
		return parseIPv4(name)
	}
	return name, nil
}

func forbiddenInHost(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`#/:<>?@[\]^|%"`+"`{}", r)
}

// endsInNumber is the standard's "ends in a number checker": such a host is an
// IPv4 address or nothing.
func endsInNumber(name string) bool {
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if last != "" && strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, err := ipv4Number(last)
	return err == nil
}

// parseIPv4 is the standard's IPv4 parser: up to four parts, the last of which
// fills what is left.
func parseIPv4(name string) (string, error) {
	wrong := errors.New("it is a number that is no IPv4 address")
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return "", wrong
	}
	var ip uint64
	for i, part := range parts {
		n, err := ipv4Number(part)
		room := uint64(math.MaxUint8)
		if i == len(parts)-1 {
			room = 1<<(8*(5-len(parts))) - 1
		}
		if err != nil || n > room {
			return "", wrong
		}
		if i == len(parts)-1 {
			ip |= n
		} else {
			ip |= n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}).String(), nil
}

// ipv4Number reads a decimal, octal (0...) or hexadecimal (0x...) number.
func ipv4Number(s string) (uint64, error) {
	base := 10
	switch {
	case s == "":
		return 0, strconv.ErrSyntax
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	if s == "" {
		return 0, nil
	}
	if strings.ContainsAny(s, "+-_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, base, 64)
}

// encoded makes a path with its query safe to be sent: what must be escaped is,
// what is escaped stays, and a backslash in the path is a slash.
func encoded(s string) string {
	s, _, _ = strings.Cut(s, "#")
	var b strings.Builder
	query := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\' && !query:
			b.WriteByte('/')
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>`{}", c) >= 0, c == '%' && !isEscape(s[i:]),
			!query && (c == '|' || c == '^'): // else url.URL takes the path apart, and "%2F" is a slash
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		default:
			query = query || c == '?'
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isEscape(s string) bool {
	if len(s) < 3 {
		return false
	}
	_, err := strconv.ParseUint(s[1:3], 16, 8)
	return err == nil
}
