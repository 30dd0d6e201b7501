package llmsim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Key is one that the server knows.
type Key struct {
	Secret string `yaml:"secret"`
	// Group names the quota that it shares. Empty: it has Config.Quota to itself.
	Group string `yaml:"group"`
	// State is the key's at the start. Empty: active.
	State KeyState `yaml:"state"`
	// Changes set the state at given times, in order.
	Changes []KeyChange `yaml:"changes"`
}

// String shows the last four characters alone.
func (k Key) String() string { return fmt.Sprintf("{%s %s %s}", tail(k.Secret), k.Group, k.State) }

// GoString is String: no verb prints the secret.
func (k Key) GoString() string { return k.String() }

// KeyChange sets a key's state at a time.
type KeyChange struct {
	At    time.Duration `yaml:"at"`
	State KeyState      `yaml:"state"`
}

// KeyState is whether a key is served.
type KeyState string

// The states.
const (
	// KeyActive: it is served.
	KeyActive KeyState = "active"
	// KeyRevoked: 401 invalid_api_key.
	KeyRevoked KeyState = "revoked"
	// KeyForbidden: 403.
	KeyForbidden KeyState = "forbidden"
	// KeyExhausted: 429 insufficient_quota.
	KeyExhausted KeyState = "exhausted"
)

func (s KeyState) check(field string) error {
	switch s {
	case "", KeyActive, KeyRevoked, KeyForbidden, KeyExhausted:
		return nil
	}
	return fault.Invalid(field, "%q is none of active, revoked, forbidden, exhausted", s)
}

// maxOpenKeys bounds the keys of a server that takes any.
const maxOpenKeys = 10_000

// keyring holds the keys and the groups behind them.
type keyring struct {
	open  bool // any key is served
	quota Quota

	mu      sync.RWMutex
	keys    map[string]*key
	ordered []*key
}

// key is one known to the server, with its use.
type key struct {
	tail    string
	group   *group
	changes []KeyChange // guarded by keyring.mu
	use     KeyUse      // guarded by stats.mu
}

func newKeyring(c Config) (*keyring, error) {
	k := &keyring{open: len(c.Keys) == 0, quota: c.Quota, keys: make(map[string]*key)}
	if err := c.Quota.check("quota"); err != nil {
		return nil, err
	}
	groups := make(map[string]*group, len(c.Groups))
	for name, q := range c.Groups {
		if err := q.check("groups." + name); err != nil {
			return nil, err
		}
		groups[name] = newGroup(name, q)
	}
	for i, entry := range c.Keys {
		if err := k.add(fmt.Sprintf("keys[%d]", i), entry, groups); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *keyring) add(field string, entry Key, groups map[string]*group) error {
	g := groups[entry.Group]
	switch {
	case entry.Secret == "":
		return fault.Invalid(field+".secret", "is empty: give the key that clients send")
	case k.keys[entry.Secret] != nil:
		return fault.Invalid(field+".secret", "is there twice: leave one out")
	case entry.Group == "":
		g = newGroup("", k.quota)
	case g == nil:
		return fault.Invalid(field+".group", "%q is none of groups: name it there", entry.Group)
	}
	changes := slices.Concat([]KeyChange{{State: entry.State}}, entry.Changes)
	for i, c := range changes {
		if err := c.State.check(field + ".state"); err != nil {
			return err
		}
		if i > 0 && c.At < changes[i-1].At {
			return fault.Invalid(field+".changes", "%v is out of order: sort the changes by their times", c.At)
		}
	}
	k.put(entry.Secret, &key{group: g, changes: changes})
	return nil
}

func (k *keyring) put(secret string, entry *key) {
	entry.tail = tail(secret)
	k.keys[secret] = entry
	k.ordered = append(k.ordered, entry)
}

// find returns the key with a secret and its state; nil where it is not known.
func (k *keyring) find(secret string, now time.Duration) (*key, KeyState) {
	k.mu.RLock()
	entry := k.keys[secret]
	state := KeyRevoked
	if entry != nil {
		state = entry.state(now)
	}
	k.mu.RUnlock()
	if entry == nil && k.open {
		return k.admit(secret)
	}
	return entry, state
}

// admit adds a key that an open server sees for the first time.
func (k *keyring) admit(secret string) (*key, KeyState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if entry := k.keys[secret]; entry != nil {
		return entry, KeyActive
	}
	if len(k.keys) >= maxOpenKeys {
		return nil, KeyRevoked
	}
	// The secret is a part of a request's header; a copy lets go of the rest.
	k.put(strings.Clone(secret), &key{group: newGroup("", k.quota)})
	return k.ordered[len(k.ordered)-1], KeyActive
}

func (k *keyring) set(secret string, state KeyState) error {
	if err := state.check("state"); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	entry := k.keys[secret]
	if entry == nil {
		return fault.New(fault.NotFound, "no key ends in %s: name one of Config.Keys", tail(secret))
	}
	entry.changes = []KeyChange{{State: state}}
	return nil
}

// all returns the keys in the order of their appearance.
func (k *keyring) all() []*key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Clone(k.ordered)
}

// stateOf returns a key's state.
func (k *keyring) stateOf(e *key, now time.Duration) KeyState {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return e.state(now)
}

func (e *key) state(now time.Duration) KeyState {
	state := KeyActive
	for _, c := range e.changes {
		if c.At <= now && c.State != "" {
			state = c.State
		}
	}
	return state
}

// bearer returns the secret of an Authorization header, or "".
func bearer(authorization string) string {
	const scheme = "Bearer "
	if len(authorization) > len(scheme) && strings.EqualFold(authorization[:len(scheme)], scheme) {
		return authorization[len(scheme):]
	}
	return ""
}

// tail is the part of a secret that may be shown.
func tail(secret string) string {
	switch {
	case secret == "":
		return "none"
	case len(secret) <= 8:
		return "..." + secret[len(secret)-min(2, len(secret)):]
	default:
		return "..." + secret[len(secret)-4:]
	}
}
