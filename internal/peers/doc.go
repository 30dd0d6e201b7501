// Package peers bounds what the machines that connect may take of the process before
// it knows who calls: connections, each of which is a file descriptor, and new calls a
// second.
//
// The problem: a caller that opens calls and resets them at once has no call open, so
// no bound on open calls stops it, and each costs the work of starting one. The bound is
// at the connection: while a connection or all of an address began more calls than they
// may, no more is read from them. A fast caller is slowed and not refused, and flow
// control tells it so.
//
//	limits := peers.New(peers.Config{Connections: 4096}, log)
//	listener = limits.Listener(listener)
//	...
//	peers.Opened(conn.RemoteAddr()) // for each new call, from any layer above
//	peers.Reset(conn.RemoteAddr())  // for each that the peer gave up
//	err := peers.Await(conn.RemoteAddr()) // before more is read that was read ahead
//
// An address may have as many connections open as all addresses leave free, so that one
// alone has half of them and the next one finds room. An IPv6 address is its network of
// 64 bits, which is what one machine has. Sockets in the file system have no address, and
// are bounded by connection alone.
package peers
