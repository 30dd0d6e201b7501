package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// tokenVariable holds the bearer token for --server. There is no flag for it:
// others can read a command line.
const tokenVariable = "CREDENZA_TOKEN"

// target is where items are classified: on a server, or by the service within
// this process.
type target struct {
	Server          string `env:"CREDENZA_SERVER" placeholder:"HOST:PORT" help:"Use a running service. Without it, the service runs within this process."`
	ServerTokenFile string `placeholder:"FILE" help:"The file with the bearer token for --server; else CREDENZA_TOKEN in the environment."`
	TLSCA           string `name:"tls-ca" placeholder:"FILE" help:"The authority of --server's certificate, PEM (default: the system's)."`
	Plaintext       bool   `help:"Reach --server without TLS. On loopback addresses that is so unless --tls-ca is given."`
	Verbose         bool   `short:"v" help:"Show the log of the service within this process."`

	app.Config `embed:"" group:"Settings of the service within this process:"`
}

// Validate checks the settings of the service within this process, where there
// will be one.
func (t *target) Validate() error {
	if t.Server != "" {
		return nil
	}
	return t.Config.Validate()
}

// connect returns a client and what ends it, along with the service that was
// started for it. It tells people on notes which of the two answers, where that
// is not what they may expect.
func (t *target) connect(ctx context.Context, notes io.Writer) (*credenza.Client, func() error, error) {
	if t.Server != "" {
		client, err := t.dial()
		if err != nil {
			return nil, nil, err
		}
		return client, client.Close, nil
	}
	log := io.Discard
	if t.Verbose {
		log = notes
	}
	client, end, err := app.InProcess(ctx, t.Config, log)
	if err != nil {
		return nil, nil, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	if status.Backend == "offline" && t.Backend == "auto" {
		say(notes, "credenza: no key is set, so the offline classifier answers: set OPENAI_API_KEY to have a model answer")
	}
	return client, end, nil
}

// explain says what to do about a service that is not there.
func (t *target) explain(err error) error {
	call, ok := errors.AsType[*credenza.Error](err)
	if !ok || call.Code != "UNAVAILABLE" || call.Reason != "" || t.Server == "" {
		return err
	}
	return fmt.Errorf("%s cannot be reached: is the service running there, and with TLS as asked for? (%s)", t.Server, call.Message)
}

func (t *target) dial() (*credenza.Client, error) {
	var opts []credenza.Option
	plaintext := t.Plaintext || (t.TLSCA == "" && isLoopback(t.Server))
	switch {
	case t.Plaintext && t.TLSCA != "":
		return nil, errors.New("--plaintext and --tls-ca exclude each other: give one of them")
	case plaintext:
		opts = append(opts, credenza.WithPlaintext())
	case t.TLSCA != "":
		config, err := trustOnly(t.TLSCA)
		if err != nil {
			return nil, err
		}
		opts = append(opts, credenza.WithTLS(config))
	}
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		if plaintext && !isLoopback(t.Server) {
			return nil, fmt.Errorf("the token would travel readable to %s: leave out --plaintext, or the token", t.Server)
		}
		opts = append(opts, credenza.WithToken(token))
	}
	return credenza.Dial(t.Server, opts...)
}

// token returns the bearer token, empty where there is none. Errors never have
// it in them.
func (t *target) token() (string, error) {
	if t.ServerTokenFile == "" {
		return strings.TrimSpace(os.Getenv(tokenVariable)), nil
	}
	data, err := os.ReadFile(t.ServerTokenFile)
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("the token file %s is empty: put the token into it", t.ServerTokenFile)
	}
	return token, nil
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
	if host == "localhost" || strings.HasPrefix(address, "unix:") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}
