package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is a proxy between two processes.
type link struct {
	name  string
	proxy *toxiproxy.Proxy
	busy  chan struct{} // holds one token while no fault is on it
}

// newLink starts a proxy to an address.
func newLink(ctx context.Context, name, to string) (*link, error) {
	log := zerolog.Nop()
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), log)
	l := &link{name: name, proxy: toxiproxy.NewProxy(server, name, listen, to), busy: make(chan struct{}, 1)}
	l.busy <- struct{}{}
	return l, l.proxy.Start()
}

func (l *link) address() string { return l.proxy.Listen }

// take reserves the link for a fault, if it has none.
func (l *link) take() bool {
	select {
	case <-l.busy:
		return true
	default:
		return false
	}
}

func (l *link) release() { l.busy <- struct{}{} }

// add begins a fault of toxiproxy in one direction and returns the function that ends it.
func (l *link) add(kind, stream string, attributes map[string]int) (end func(), err error) {
	raw, err := json.Marshal(map[string]any{"name": kind, "type": kind, "stream": stream, "attributes": attributes})
	if err != nil {
		return nil, err
	}
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(string(raw))); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", kind, l.name, err)
	}
	return func() { _ = l.proxy.Toxics.RemoveToxic(context.Background(), kind) }, nil
}
