package app

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Servers are addresses of NATS servers, which print without users and passwords.
type Servers struct{ urls []string }

// UnmarshalText reads addresses separated by commas.
func (s *Servers) UnmarshalText(text []byte) error {
	s.urls = nil
	for part := range strings.SplitSeq(string(text), ",") {
		if part = strings.TrimSpace(part); part != "" {
			s.urls = append(s.urls, part)
		}
	}
	return nil
}

// Format writes what is fit for a log, whatever the verb.
func (s Servers) Format(f fmt.State, _ rune) {
	hosts := make([]string, len(s.urls))
	for i, text := range s.urls {
		hosts[i] = "..."
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			hosts[i] = u.Scheme + "://" + u.Host
		}
	}
	_, _ = fmt.Fprint(f, strings.Join(hosts, ","))
}

// reveal returns the addresses as they were given.
func (s Servers) reveal() string { return strings.Join(s.urls, ",") }

func (s Servers) check(w *wrongs) {
	for i, text := range s.urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			w.add("nats-url", "nats-url: address %d is not one of NATS: give one such as nats://nats.internal:4222", i+1)
		}
	}
}
