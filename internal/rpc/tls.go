package rpc

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// TLSFiles name the files, in PEM, that TLS needs.
type TLSFiles struct {
	// Cert is the certificate with its chain, and Key its private key.
	Cert, Key string
	// ClientCA has the authorities that sign callers' certificates, if callers must
	// show one.
	ClientCA string
}

// Certificates are what is in the files, as it was last read. They are safe for
// concurrent use.
type Certificates struct {
	files   TLSFiles
	current atomic.Pointer[tls.Config] // Certificates and ClientCAs alone

	mu   sync.Mutex
	read []byte // last, good or bad
}

// load reads the files. Any trouble with them is an error of one line.
func (f TLSFiles) load() (*Certificates, error) {
	if f.Cert == "" || f.Key == "" {
		return nil, errors.New("TLS needs both a certificate file and a key file: give both or none")
	}
	c := &Certificates{files: f}
	if _, err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Certificate reads the files as a server does, and returns the server's own certificate.
func (f TLSFiles) Certificate() (*x509.Certificate, error) {
	c, err := f.load()
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(c.current.Load().Certificates[0].Certificate[0])
}

// Reload reads the files again and reports whether they have changed since they were last
// read. What they have is for connections that are made from then on. If it cannot be
// used, the earlier certificates stay in force, and the error is returned once for each
// content.
func (c *Certificates) Reload() (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	content, errs := make([][]byte, 3), make([]error, 3)
	for i, file := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if file == "" {
			continue
		}
		if content[i], errs[i] = os.ReadFile(file); errs[i] != nil {
			content[i] = []byte(errs[i].Error())
		}
	}
	read := bytes.Join(content, []byte{0})
	if c.read != nil && bytes.Equal(read, c.read) {
		return false, nil
	}
	c.read = read
	config, err := c.files.parse(content, errs)
	if err != nil {
		return true, err
	}
	c.current.Store(config)
	return true, nil
}

func (f TLSFiles) parse(content [][]byte, errs []error) (*tls.Config, error) {
	cert, err := tls.X509KeyPair(content[0], content[1])
	if err = cmp.Or(errs[0], errs[1], err); err != nil {
		return nil, fmt.Errorf("load the certificate %s with the key %s: %w", f.Cert, f.Key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if f.ClientCA == "" {
		return config, nil
	}
	if errs[2] != nil {
		return nil, fmt.Errorf("read the callers' authorities: %w", errs[2])
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(content[2]) {
		return nil, fmt.Errorf("the callers' authorities %s: no certificate in it, PEM is expected", f.ClientCA)
	}
	return config, nil
}

// Verified reports whether callers show certificates that are verified.
func (c *Certificates) Verified() bool { return c.files.ClientCA != "" }

// Config returns what a server needs for TLS with the protocols. Callers' certificates
// are asked for as auth says, if there are authorities for them.
func (c *Certificates) Config(auth tls.ClientAuthType, protocols ...string) *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols}
	if c.Verified() {
		base.ClientAuth = auth
		// A caller whose authority was taken out must not come back by an earlier session.
		base.SessionTicketsDisabled = true
	}
	config := base.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now, current := base.Clone(), c.current.Load()
		now.Certificates, now.ClientCAs = current.Certificates, current.ClientCAs
		return now, nil
	}
	return config
}
