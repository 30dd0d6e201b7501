package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// tokenVariable holds the bearer token for --server. There is no flag for it:
// others can read a command line.
const tokenVariable = "CREDENZA_TOKEN"

// connection has the flags for reaching a running service.
type connection struct {
	ServerTokenFile string `placeholder:"FILE" help:"The file with the bearer token for --server (default: the token in the variable CREDENZA_TOKEN)."`
	TLSCA           string `name:"tls-ca" placeholder:"FILE" help:"The CA that has signed --server's certificate, PEM (default: those of the system)."`
	Plaintext       bool   `help:"Connect to --server without TLS, which is the default for loopback addresses unless --tls-ca is given."`
}

// dial returns a client of the service at an address. The caller closes it.
func (l *connection) dial(server string) (*credenza.Client, error) {
	if strings.HasPrefix(server, "http://") || strings.HasPrefix(server, "https://") {
		return nil, fmt.Errorf("--server is %q: give the address of gRPC as HOST:PORT, such as %s", server, defaultServer)
	}
	var opts []credenza.Option
	plaintext := l.Plaintext || (l.TLSCA == "" && isLoopback(server))
	switch {
	case l.Plaintext && l.TLSCA != "":
		return nil, errors.New("--plaintext and --tls-ca exclude each other: give one of them")
	case plaintext:
		opts = append(opts, credenza.WithPlaintext())
	case l.TLSCA != "":
		config, err := trustOnly(l.TLSCA)
		if err != nil {
			return nil, err
		}
		opts = append(opts, credenza.WithTLS(config))
	}
	token, err := l.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		if plaintext && !isLoopback(server) {
			return nil, fmt.Errorf("the token would be sent without TLS to %s: leave out --plaintext, or the token", server)
		}
		opts = append(opts, credenza.WithToken(token))
	}
	return credenza.Dial(server, opts...)
}

// token returns the bearer token, empty if there is none. Errors do not contain it.
func (l *connection) token() (string, error) {
	if l.ServerTokenFile == "" {
		return strings.TrimSpace(os.Getenv(tokenVariable)), nil
	}
	data, err := os.ReadFile(l.ServerTokenFile)
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("the token file %s is empty: put the token into it", l.ServerTokenFile)
	}
	return token, nil
}

// unreachable returns err with advice if the service cannot be reached.
func unreachable(server string, err error) error {
	call, ok := errors.AsType[*credenza.Error](err)
	if !ok || call.Code != credenza.CodeUnavailable || call.Reason != "" {
		return err
	}
	_, cause, dialed := strings.Cut(strings.TrimSuffix(call.Message, `"`), "Error while dialing: ")
	if !dialed {
		cause = call.Message
	}
	return fmt.Errorf("%s cannot be reached: is the service running there, and with TLS as asked for? (%s)", server, cause)
}

func trustOnly(path string) (*tls.Config, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM: give the authority that signed the server's", path)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// isLoopback reports whether the address stays on this machine.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return auth.IsLoopback(strings.Trim(host, "[]")) || strings.HasPrefix(address, "unix:")
}
