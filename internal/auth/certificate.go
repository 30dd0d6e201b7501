package auth

import (
	"crypto/x509"
	"time"
)

// isOver reports whether a certificate has expired. A connection may last longer than the
// certificate that was shown when it began.
func isOver(c *x509.Certificate) bool { return time.Now().After(c.NotAfter) }

// otherNames returns the names of a certificate's owner that are no DNS names.
func otherNames(c *x509.Certificate) (names []string) {
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	return append(names, c.Subject.CommonName)
}
