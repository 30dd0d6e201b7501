package auth

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
)

// Page is what a request over HTTP says of the page that sends it. The zero value is
// for callers that are no page.
type Page struct {
	// CrossOrigin: there is an Origin, and it is not the server's.
	CrossOrigin bool
	// OtherHost: Host is no name of the loopback device. A page whose own name was made
	// to resolve to 127.0.0.1 looks like that.
	OtherHost bool
}

func (p Page) foreign() bool { return p.CrossOrigin || p.OtherHost }

// CallOf returns what is known of a request over HTTP.
func CallOf(r *http.Request) Call {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return Call{
		Authorization: r.Header.Values("Authorization"),
		Local:         local, Remote: remoteAddr(r.RemoteAddr), TLS: r.TLS,
		Page: Page{CrossOrigin: isCrossOrigin(r), OtherHost: !IsLoopback(hostOf(r))},
	}
}

func isCrossOrigin(r *http.Request) bool {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site": // of a GET, browsers may name no origin
		return true
	}
	origins := r.Header.Values("Origin")
	return len(origins) > 1 || len(origins) == 1 && !strings.EqualFold(origins[0], scheme+r.Host)
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return strings.Trim(r.Host, "[]")
}

// IsLoopback reports whether a host is the loopback device: "localhost" or one of its
// addresses.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isLocal reports whether a connection is local at both ends: through the loopback
// device, a socket in the file system, or the process. What is not known is not local.
func isLocal(local, remote net.Addr) bool {
	if local == nil || remote == nil {
		return false
	}
	if wrapped, ok := local.(interface{ Unwrap() net.Addr }); ok {
		local = wrapped.Unwrap()
	}
	switch local.Network() {
	case "unix", "bufconn", "pipe":
		return true
	case "tcp":
		return isLoopbackAddr(local) && isLoopbackAddr(remote)
	default:
		return false
	}
}

func isLoopbackAddr(addr net.Addr) bool {
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// nameOf returns a name for a connection, which no other one has at the same time.
// Empty: the connection is not known.
func nameOf(local, remote net.Addr) string {
	if local == nil || remote == nil {
		return ""
	}
	return "connection:" + remote.String() + ">" + local.String()
}

// remoteAddr is a peer's address as HTTP knows it.
type remoteAddr string

// Network is that of most connections; for all others the local end says it.
func (remoteAddr) Network() string { return "tcp" }

// String returns the address.
func (a remoteAddr) String() string { return string(a) }

// NameConnections returns a listener whose connections have remote addresses that
// differ. Those of sockets in the file system are all the same otherwise, which
// would make them one caller.
func NameConnections(l net.Listener) net.Listener {
	if l.Addr().Network() == "tcp" {
		return l
	}
	return namingListener{l}
}

type namingListener struct{ net.Listener }

// connections is the number of those that were named so far, by all listeners.
var connections atomic.Int64

// Accept returns the next connection.
func (l namingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	network := conn.LocalAddr().Network()
	return namedConn{conn, namedAddr{conn.RemoteAddr(), network, network + ":" + strconv.FormatInt(connections.Add(1), 10)}}, nil
}

type namedConn struct {
	net.Conn
	remote namedAddr
}

// RemoteAddr returns the connection's name.
func (c namedConn) RemoteAddr() net.Addr { return c.remote }

type namedAddr struct {
	given         net.Addr
	network, name string
}

// Unwrap returns the address as the listener gave it.
func (a namedAddr) Unwrap() net.Addr { return a.given }

// Network returns the connection's.
func (a namedAddr) Network() string { return a.network }

// String returns the name.
func (a namedAddr) String() string { return a.name }
