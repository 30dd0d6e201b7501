package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync/atomic"
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
	syscall.ForkLock.RLock() // a program that starts now would keep the port
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
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

// firstPort and manyPorts are below the ports that systems choose for listeners and connections
// that name none.
const firstPort, manyPorts = 16_384, 16_384

var portsGiven = func() *atomic.Uint32 {
	var first atomic.Uint32
	first.Store(rand.Uint32N(manyPorts)) // another one than that of tests that run at the same time
	return &first
}()

// FreeAddress returns an address "127.0.0.1:PORT" with a port of FreePort.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", FreePort(t))
}

// FreePort returns a port for a program that is started or restarted later, free on all
// addresses of the machine. Until then no other program gets it by chance, as it could get a
// port of the system's choice.
func FreePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := int(firstPort + portsGiven.Add(1)%manyPorts)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprint(":", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatalf("no port is free: %v", err)
	return 0
}
