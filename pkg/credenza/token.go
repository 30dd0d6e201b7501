package credenza

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// bearer adds the token to each call (RFC 6750). It cannot be printed.
type bearer struct {
	token     string
	plaintext bool
}

// GetRequestMetadata returns the header.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

// RequireTransportSecurity returns false only if Dial allowed the token without TLS.
func (b bearer) RequireTransportSecurity() bool { return !b.plaintext }

// String and GoString keep the token out of logs.
func (bearer) String() string { return "bearer(hidden)" }

// GoString returns the same as String.
func (bearer) GoString() string { return "bearer(hidden)" }

// validToken reports whether a header can carry the token. It refuses blanks, which most
// often are a line end from a file.
func validToken(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return token != ""
}

// isLoopback reports whether a target is certainly on this machine. The only name that
// counts is "localhost", if this machine resolves it.
func isLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	for _, scheme := range []string{"dns:///", "passthrough:///"} {
		target = strings.TrimPrefix(target, scheme)
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = strings.Trim(target, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
