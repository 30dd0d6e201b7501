package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// authority signs the certificate that all replicas serve, and replaces its file.
type authority struct {
	folder string
	key    *ecdsa.PrivateKey
	root   *x509.Certificate
	roots  *x509.CertPool

	mu     sync.Mutex
	serial int64
}

func newAuthority(folder string) (*authority, error) {
	a := &authority{folder: folder, roots: x509.NewCertPool()}
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: "chaos"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, key, err := a.sign(root)
	if err == nil {
		a.key = key
		a.root, err = x509.ParseCertificate(raw)
	}
	if err != nil {
		return nil, err
	}
	a.roots.AddCert(a.root)
	return a, a.replace()
}

// sign signs a certificate with the next number, the authority's own by itself, and makes its key.
// The caller holds mu.
func (a *authority) sign(template *x509.Certificate) (raw []byte, key *ecdsa.PrivateKey, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	a.serial++
	template.SerialNumber, template.NotBefore = big.NewInt(a.serial), time.Now().Add(-time.Hour)
	parent, signer := a.root, a.key
	if parent == nil {
		parent, signer = template, key
	}
	raw, err = x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	return raw, key, err
}

func (a *authority) certificate() string { return filepath.Join(a.folder, "tls.crt") }
func (a *authority) privateKey() string  { return filepath.Join(a.folder, "tls.key") }

// client is the TLS configuration of a caller.
func (a *authority) client() *tls.Config {
	return &tls.Config{RootCAs: a.roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// replace writes a new certificate and its key in place of the old ones.
func (a *authority) replace() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	raw, key, err := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(12 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(a.privateKey(), "EC PRIVATE KEY", private); err != nil {
		return err
	}
	return writePEM(a.certificate(), "CERTIFICATE", raw)
}

// current is the number of the newest certificate.
func (a *authority) current() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.serial
}

// serves returns the number of the certificate that an address serves.
func (a *authority) serves(address string) (int64, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, a.client()) //nolint:noctx // it has its own timeout
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

func writePEM(path, kind string, raw []byte) error {
	return replaceFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}

// replaceFile replaces a file at once, as a tool for secrets does.
func replaceFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
