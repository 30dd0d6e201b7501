package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress returns a loopback address on which no program listens, HOST:PORT. Its port
// is one of FreePort.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", FreePort(t))
}

// FreePort returns a port that is free on all addresses of the machine. It stays free until
// the test listens there, and while its server is away: it is below those that systems give
// to connections.
func FreePort(t testing.TB) int {
	t.Helper()
	for {
		port := 15_000 + rand.IntN(15_000)
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprint(":", port))
		if err != nil {
			continue // taken
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
}
