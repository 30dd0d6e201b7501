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
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chaos"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	a := &authority{folder: folder, key: key, root: root, roots: x509.NewCertPool(), serial: 1}
	a.roots.AddCert(root)
	return a, a.replace()
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
	a.serial++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(12 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.root, &key.PublicKey, a.key)
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
