package llm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// causeInWords says in a few public words how a call without a whole answer
// failed: no address, no host, nothing that the server sent. Empty: no answer came
// in time.
func causeInWords(err error) string {
	if errors.Is(err, errAttemptTime) || errors.Is(err, errGivenUp) || errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS certificate not valid"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "no such host"
		}
		return "the host's name cannot be resolved"
	}
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks http and not https"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to the host"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		if op.Timeout() {
			return "no connection in time"
		}
		return "no connection"
	}
	return "connection broke"
}

// statusInWords returns the same for an answer whose status is not a success.
func statusInWords(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprintf("status %d", status)
}
