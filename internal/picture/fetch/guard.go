package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// guard decides which addresses may be connected to. It works in the dialer: for each
// connection, after name resolution, with the address that is about to be used.
type guard struct {
	strict  *ssrf.Guardian
	nets    []netip.Prefix
	hosts   map[string]bool
	guarded net.Dialer
	open    net.Dialer // for hosts that are allowed by name, without a check
	route   func(hostPort string) string
}

// dialTimeout is the time for connecting to a host, with name resolution. The dialer
// divides it among the host's addresses.
const dialTimeout = 10 * time.Second

// newGuard returns a guard that exempts the networks, addresses and host names in allow
// on every port.
func newGuard(allow []string, ports []uint16, resolver *net.Resolver) (*guard, error) {
	g := &guard{hosts: map[string]bool{}}
	for _, a := range allow {
		if err := g.allow(strings.TrimSpace(a)); err != nil {
			return nil, err
		}
	}
	// A public address on which Azure serves its own machines.
	g.strict = ssrf.New(ssrf.WithPorts(ports...), ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")))
	g.open = net.Dialer{Timeout: dialTimeout, Resolver: resolver}
	g.guarded = g.open
	g.guarded.Control = g.check
	return g, nil
}

func (g *guard) allow(s string) error {
	if p, err := netip.ParsePrefix(s); err == nil {
		p, err = unmapped(p)
		g.nets = append(g.nets, p)
		return err
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		ip = ip.Unmap().WithZone("")
		g.nets = append(g.nets, netip.PrefixFrom(ip, ip.BitLen()))
		return nil
	}
	name, err := parseHost(s)
	if err != nil || isAddress(name) {
		return fmt.Errorf("the allowed network or host %q is neither: give, for example, 10.0.0.0/8, 10.1.2.3 or shop.example", s)
	}
	g.hosts[name] = true
	return nil
}

// unmapped returns a network of IPv4 addresses in IPv6 notation as an IPv4 network,
// because addresses are compared in IPv4 notation.
func unmapped(p netip.Prefix) (netip.Prefix, error) {
	const mapped = 96 // bits in front of the IPv4 address
	switch {
	case !p.Addr().Is4In6():
		return p.Masked(), nil
	case p.Bits() < mapped:
		return p, fmt.Errorf("the allowed network %q is larger than all of IPv4: give the IPv4 network, for example 10.0.0.0/8", p)
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped).Masked(), nil
}

// dial connects to host:port if the guard allows it.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if g.route != nil {
		address = g.route(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if g.hosts[host] {
		return g.open.DialContext(ctx, network, address)
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		// Always this machine (RFC 6761, section 6.3), whatever a resolver returns.
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return g.guarded.DialContext(ctx, network, address)
}

// check is called with each address before it is connected to.
func (g *guard) check(network, address string, c syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil {
		ip := at.Addr().Unmap().WithZone("")
		for _, n := range g.nets {
			if n.Contains(ip) {
				return nil
			}
		}
	}
	return g.strict.Safe(network, address, c)
}
