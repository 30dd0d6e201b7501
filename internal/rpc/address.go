package rpc

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// CheckAddress returns an error for an address that other machines can reach and
// at which they would be answered in plain text, unless that is wanted. The
// address is one to listen on, "host:port".
func CheckAddress(address string, tls, insecure bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the address %q is not of the form host:port, such as 127.0.0.1:50051", address)
	}
	if tls || insecure || isLoopbackHost(host) {
		return nil
	}
	return fmt.Errorf("other machines can reach %s: give a certificate and a key for TLS, say --insecure, or listen on 127.0.0.1", address)
}

func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isLocal reports whether an address belongs to this machine's inside: the
// loopback device, a socket in the file system, or a connection in the process.
// What is not known is not local.
func isLocal(addr net.Addr) bool {
	if addr == nil {
		return false
	}
	switch addr.Network() {
	case "unix", "bufconn", "pipe":
		return true
	case "tcp":
		ap, err := netip.ParseAddrPort(addr.String())
		return err == nil && ap.Addr().Unmap().IsLoopback()
	default:
		return false
	}
}

// passedOn are the headers by which proxies tell that they pass a request on, and
// passedOnPrefixes what others begin with.
var (
	passedOn = []string{
		"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip",
	}
	passedOnPrefixes = []string{"X-Forwarded", "X-Envoy-"}
)

// isPassedOn reports whether a request shows a proxy's hand. Proxies that leave no
// header may still speak HTTP/1.0, as nginx does if it is told nothing else.
func isPassedOn(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return true
	}
	for name := range r.Header { // by presence: a header may be emptied on its way
		if slices.Contains(passedOn, name) ||
			slices.ContainsFunc(passedOnPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return true
		}
	}
	return false
}

// fromThisMachine reports whether a request over HTTP, from an address that is
// local, speaks for this machine. A browser does not that has a page of somebody
// else open, nor a proxy. There are proxies that leave no trace at all: behind one,
// tokens are needed.
func fromThisMachine(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	return !isPassedOn(r) && isLoopbackHost(hostOf(r)) && !fromStrangersPage(r)
}

// fromStrangersPage reports whether a browser sends the request for a page that is
// not of this server. A page says where it is from, and Host is the name that the
// browser believes to have connected to: on an address that only this machine
// reaches, one that is no name of the loopback device is how a page looks that has
// its own name resolved to 127.0.0.1.
func fromStrangersPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return (origin != "http://"+r.Host && origin != "https://"+r.Host) || (isLocal(local) && !isLoopbackHost(hostOf(r)))
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return strings.Trim(r.Host, "[]")
}

// foreign is the local address of a connection by which somebody else speaks.
type foreign struct{ connection string }

// Network is no kind of network that is local.
func (foreign) Network() string { return "foreign" }

// String is the address.
func (foreign) String() string { return "foreign" }

// MarkListener returns a listener whose connections give as their local address
// the one that is listened on, with a mark that tells each of them from all others.
// A connection's own does not tell a server on the loopback device from one on all
// devices to which somebody on this machine, or a proxy for the whole world, has
// connected.
func MarkListener(l net.Listener) net.Listener { return markedListener{l} }

type markedListener struct{ net.Listener }

// Accept returns the next connection, marked.
func (l markedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return markedConn{conn, markedAddr{l.Addr(), "connection:" + strconv.FormatInt(connections.Add(1), 10)}}, nil
}

// connections are those that were accepted so far, by all listeners.
var connections atomic.Int64

type markedConn struct {
	net.Conn
	listening markedAddr
}

// LocalAddr returns the address that is listened on, with the connection's mark.
func (c markedConn) LocalAddr() net.Addr { return c.listening }

// markedAddr is an address that is listened on, for one connection.
type markedAddr struct {
	net.Addr
	connection string
}

// connectionOf returns what tells a connection from all others, by its local
// address; empty if that was not marked.
func connectionOf(local net.Addr) string {
	switch a := local.(type) {
	case markedAddr:
		return a.connection
	case foreign:
		return a.connection
	case interface{ Unwrap() net.Addr }:
		return connectionOf(a.Unwrap())
	default:
		return ""
	}
}
