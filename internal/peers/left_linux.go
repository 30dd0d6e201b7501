package peers

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// left reports whether the peer has closed its side, even if what it sent before is not all
// read. It is false if that cannot be known.
func left(conn net.Conn) (yes bool) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} //nolint:gosec // descriptors are small
		n, err := unix.Poll(polled, 0)
		yes = err == nil && n > 0
	})
	return yes && err == nil
}
