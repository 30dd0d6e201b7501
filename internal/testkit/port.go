package testkit

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// Port is an address on loopback at which nothing listens yet, and that no other program of
// the machine gets until the test's end.
type Port struct {
	// Address has the form "127.0.0.1:PORT".
	Address string

	socket *os.File
}

// ReservePort returns a port: connections to it are refused until Listen is called.
func ReservePort(t testing.TB) *Port {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	socket := os.NewFile(uintptr(fd), "port")
	t.Cleanup(func() { _ = socket.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	return &Port{net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), socket}
}

// Listen accepts connections from now on, until the caller closes the listener and the test
// has ended. Call it once.
func (p *Port) Listen(t testing.TB) net.Listener {
	t.Helper()
	if err := syscall.Listen(int(p.socket.Fd()), 128); err != nil {
		t.Fatal(err)
	}
	listener, err := net.FileListener(p.socket)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}
