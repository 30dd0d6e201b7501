package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
)

// unixScheme is what addresses of sockets in the file system begin with:
// unix:///run/credenza/grpc.sock.
const unixScheme = "unix://"

// maxSocketPath is how long the path of a socket may be. Systems take 103 to 107
// bytes, and it is made under a longer name.
const maxSocketPath = 80

// socketPath returns the path of an address that is a socket's.
func socketPath(addr string) (path string, ok bool) { return strings.CutPrefix(addr, unixScheme) }

// checkExposure returns an error for an address that other machines can reach and
// at which they would be answered in plain text, unless that is wanted.
func checkExposure(addr string, tls, insecure bool) error {
	if _, ok := socketPath(addr); ok || tls || insecure {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("the address %q is neither HOST:PORT, such as 127.0.0.1:50051, nor unix:///PATH", addr)
	}
	if auth.IsLoopback(host) {
		return nil
	}
	return fmt.Errorf("other machines can reach %s: give a certificate and a key for TLS, say --insecure, or listen on 127.0.0.1", addr)
}

// checkSocketPath returns an error for a path that no socket can have.
func checkSocketPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("is a socket without an absolute path: give one such as unix:///run/credenza/grpc.sock")
	case len(path) > maxSocketPath:
		return fmt.Errorf("is a socket whose path has %d bytes: give one with at most %d", len(path), maxSocketPath)
	}
	return nil
}

// addressOf returns the address of a listener as settings and clients take it.
func addressOf(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return unixScheme + l.Addr().String()
	}
	return l.Addr().String()
}

// listen opens the listener of an address, HOST:PORT or unix:///PATH.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	if path, ok := socketPath(addr); ok {
		return listenUnix(ctx, path)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// listenUnix returns a listener on a socket that only this user can connect to. A
// socket on which no process listens any more is replaced.
//
// The socket is made in a folder that no other user can enter, and gets its name
// with its permissions: the umask, which all goroutines share, is left alone.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := checkFree(ctx, path); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	made := filepath.Join(folder, "s")
	l, err := new(net.ListenConfig).Listen(ctx, "unix", made)
	if err != nil {
		return nil, err
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // it would remove the first name
	}
	s := &socket{Listener: l, path: path}
	if s.file, err = publish(made, path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// publish gives a socket its permissions and its name.
func publish(made, path string) (os.FileInfo, error) {
	if err := os.Chmod(made, 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(made, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// checkFree returns an error if a path has something else than a socket on which no
// process listens.
func checkFree(ctx context.Context, path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case file.Mode().Type() != os.ModeSocket:
		return errors.New("the file is there and is not a socket")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(errors.New("another process listens there"), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("it is not known whether another process listens there: %w", err)
	}
	return nil
}

// socket is a listener on a socket in the file system, which it removes at its end.
type socket struct {
	net.Listener
	path string
	file os.FileInfo
}

// Addr returns the socket's path.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close ends the listener and removes the socket, unless another process has put its
// own in that place.
func (s *socket) Close() error {
	if file, err := os.Lstat(s.path); err == nil && os.SameFile(file, s.file) {
		_ = os.Remove(s.path) // the next start removes it
	}
	return s.Listener.Close()
}
