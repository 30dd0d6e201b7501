package llmsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Key is one that the server knows.
type Key struct {
	Secret string `yaml:"secret"`
	// Group names the quota that it shares. Empty: it has Config.Quota to itself.
	Group string `yaml:"group"`
	// State is the key's at the start: "active", or empty, "revoked" (401), "forbidden"
	// (403), or "exhausted" (429 insufficient_quota).
	State string `yaml:"state"`
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
	State string        `yaml:"state"`
}

// active is the state of a key that is served. Other states are behaviours.
const active = "active"

// maxOpenKeys bounds the keys of a server that takes any.
const maxOpenKeys = 10_000

// keyring holds the keys and the accounts behind them. Server.mu guards it.
type keyring struct {
	open  bool // any key is served
	quota Quota

	keys    map[string]*key
	ordered []*key
}

// key is one known to the server, with its use.
type key struct {
	tail    string
	account *Account
	changes []KeyChange
	use     KeyUse
}

func newKeyring(c Config) (*keyring, error) {
	k := &keyring{open: len(c.Keys) == 0, quota: c.Quota, keys: make(map[string]*key)}
	groups := make(map[string]*Account, len(c.Groups))
	for name, q := range c.Groups {
		groups[name] = NewAccount(q)
		groups[name].group = name
	}
	for i, entry := range c.Keys {
		if err := k.add(fmt.Sprintf("keys[%d]", i), entry, groups); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *keyring) add(field string, entry Key, groups map[string]*Account) error {
	a := groups[entry.Group]
	switch {
	case entry.Secret == "":
		return fault.Invalid(field+".secret", "is empty: give the key that clients send")
	case k.keys[entry.Secret] != nil:
		return fault.Invalid(field+".secret", "is there twice: leave one out")
	case entry.Group == "":
		a = NewAccount(k.quota)
	case a == nil:
		return fault.Invalid(field+".group", "%q is none of groups: name it there", entry.Group)
	}
	changes := slices.Concat([]KeyChange{{State: entry.State}}, entry.Changes)
	for i, c := range changes {
		if err := cmp.Or(
			oneOf(field+".state", c.State, "", active, "revoked", "forbidden", "exhausted"),
			invalid(i > 0 && c.At < changes[max(i, 1)-1].At, field+".changes", "%v is out of order: sort the changes by their times", c.At),
		); err != nil {
			return err
		}
	}
	k.put(entry.Secret, &key{account: a, changes: changes})
	return nil
}

func (k *keyring) put(secret string, entry *key) *key {
	entry.tail = tail(secret)
	k.keys[secret] = entry
	k.ordered = append(k.ordered, entry)
	return entry
}

// find returns the key with a secret; nil if it is not served.
func (k *keyring) find(secret string) *key {
	if entry := k.keys[secret]; entry != nil || !k.open || len(k.keys) >= maxOpenKeys {
		return entry
	}
	// The secret is a part of a request's header; a copy lets go of the rest.
	return k.put(strings.Clone(secret), &key{account: NewAccount(k.quota)})
}

// stateAt returns the state at a time; a key that is not known counts as revoked.
func (e *key) stateAt(now time.Duration) string {
	if e == nil {
		return "revoked"
	}
	state := active
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
	if secret == "" {
		return "none"
	}
	shown := 4
	if len(secret) <= 8 {
		shown = min(2, len(secret))
	}
	return "..." + secret[len(secret)-shown:]
}
