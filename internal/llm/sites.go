package llm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// Profiles stores what was learned of a site, under a key that names it. Load returns nil
// if nothing is stored. Both must be quick or give up soon; what cannot be stored is
// learned again. They are called from many goroutines.
type Profiles interface {
	Load(key string) []byte
	Save(key string, profile []byte)
}

// sites are those that were asked so far. They are safe for concurrent use.
type sites struct {
	config *Config

	mu       sync.RWMutex
	known    map[siteID]*site
	dialects map[dialectID]*dialect
	blind    map[string]bool // models, by the names that callers ask for, which no site shows pictures to
}

// dialectID is what a dialect is made from.
type dialectID struct{ group, base, model string }

// asked is where and how a request goes.
type asked struct {
	site    *site
	dialect *dialect
}

// defaultBase is where calls go if a lease names no server.
const defaultBase = "https://api.openai.com/v1"

// of returns the site that a lease leads to.
func (s *sites) of(lease *upstream.Lease, model string) (asked, error) {
	id := dialectID{lease.Group(), cmp.Or(lease.BaseURL(), defaultBase), lease.Model(model)}
	if where, ok := s.find(id); ok {
		return where, nil
	}
	made, err := s.peek(id)
	if err != nil {
		return made, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known, s.dialects = map[siteID]*site{}, map[dialectID]*dialect{}
	}
	if have := s.dialects[id]; have != nil {
		made.dialect = have // made meanwhile
	}
	if have := s.known[made.site.id]; have != nil {
		made.site = have
	}
	s.dialects[id], s.known[made.site.id] = made.dialect, made.site
	return made, nil
}

func (s *sites) find(id dialectID) (where asked, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if where.dialect = s.dialects[id]; where.dialect == nil {
		return where, false
	}
	where.site = s.known[where.dialect.site(id)]
	return where, where.site != nil
}

// peek returns what of would for a lease, and keeps nothing of a site that was not asked yet.
func (s *sites) peek(id dialectID) (asked, error) {
	d, err := s.dialect(id)
	if err != nil {
		return asked{}, err
	}
	s.mu.RLock()
	known := s.known[d.site(id)]
	s.mu.RUnlock()
	if known != nil {
		return asked{known, d}, nil
	}
	addresses, err := endpoints(id.base, d.query)
	if err != nil {
		return asked{}, fmt.Errorf("the base URL is not an address: %w", err)
	}
	return asked{s.load(d.site(id), d, addresses), d}, nil
}

// noteBlind notes that a site of the model takes no pictures.
func (s *sites) noteBlind(model string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, site := range s.known {
		if site.terms().Pictures == withPictures {
			return // another one may
		}
	}
	if s.blind == nil {
		s.blind = map[string]bool{}
	}
	s.blind[model] = true
}

// isBlind reports whether a question with a picture need not be asked.
func (s *sites) isBlind(model string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.blind[model]
}

// dialect joins what is configured with what is known beforehand of the server.
func (s *sites) dialect(id dialectID) (*dialect, error) {
	set := s.config.Groups[id.group].merged(s.config.Settings)
	known, err := presetFor(set.Provider, id.base)
	if err != nil {
		return nil, err
	}
	preset := known.settingsFor(id.model)
	if known != nil {
		preset.Provider = known.name
	}
	d, err := newDialect(set.merged(preset))
	if err == nil {
		d.set, d.preset = set, preset
		d.noteSecrets(id.base)
	}
	return d, err
}

// load makes a site, with what was stored of it.
func (s *sites) load(id siteID, d *dialect, addresses []string) *site {
	store := s.config.Profiles
	if store == nil {
		return newSite(id, addresses, d.offer, nil, nil)
	}
	key := id.key()
	var stored *terms
	if data := store.Load(key); data != nil {
		var t terms
		if json.Unmarshal(data, &t) == nil && t.valid(len(addresses)) {
			stored = &t
		}
	}
	return newSite(id, addresses, d.offer, stored, func(t terms) {
		if data, err := json.Marshal(t); err == nil {
			store.Save(key, data)
		}
	})
}

// site returns the site that requests of this dialect go to.
func (d *dialect) site(id dialectID) siteID { return siteID{d.key, id.base, id.model} }

// keyHeaders are the headers in which gateways want keys: Azure's, Anthropic's, that of
// Azure's API Management, and Kong's.
var keyHeaders = []string{"Api-Key", "X-Api-Key", "Ocp-Apim-Subscription-Key", "Apikey"}

// options returns the request options of a call: its key and its headers.
func (w asked) options(secret string, in level) []option.RequestOption {
	opts := make([]option.RequestOption, 0, 1+len(w.dialect.headers))
	for name, values := range w.dialect.headers {
		for _, v := range values {
			opts = append(opts, option.WithHeader(name, v))
		}
	}
	name, value := w.dialect.credential(secret)
	switch {
	case name == "":
	case in == inKeyHeaders:
		for _, name := range keyHeaders {
			opts = append(opts, option.WithHeader(name, secret))
		}
	default:
		opts = append(opts, option.WithHeader(name, value))
	}
	return opts
}

// credential returns the header that carries a key, no name if none does.
func (d *dialect) credential(secret string) (name, value string) {
	switch {
	case secret == "" || d.auth == AuthNone:
		return "", ""
	case d.auth == AuthAPIKey:
		return "Api-Key", secret
	default:
		return "Authorization", "Bearer " + secret
	}
}
