package llmsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key is one that the server knows.
type Key struct {
	Secret string
	Group  string // the quota that it shares; empty: it has Config.Quota to itself
	// State is the key's at the start: "active", or empty, "revoked" (401), "forbidden"
	// (403), or "exhausted" (429 insufficient_quota).
	State   string
	Changes []KeyChange // set the state at given times, in order
}

// String shows the last four characters alone.
func (k Key) String() string { return fmt.Sprintf("{%s %s %s}", tail(k.Secret), k.Group, k.State) }

// GoString is String: no verb prints the secret.
func (k Key) GoString() string { return k.String() }

// KeyChange sets a key's state at a time.
type KeyChange struct {
	At    time.Duration
	State string
}

// active is the state of a key that is served. Other states are behaviours.
const active = "active"

// maxOpenKeys bounds the keys of a server that takes any.
const maxOpenKeys = 10_000

// key is one known to the server, with its use.
type key struct {
	account *Account
	changes []KeyChange
	stats   KeyStats // without its state
}

// addKeys makes the keys of the configuration.
func (s *Server) addKeys() error {
	groups := make(map[string]*Account, len(s.config.Groups))
	for name, q := range s.config.Groups {
		groups[name] = NewAccount(q)
	}
	for i, k := range s.config.Keys {
		account := groups[k.Group]
		if k.Group == "" {
			account = NewAccount(s.config.Quota)
		}
		field := fmt.Sprintf("keys[%d]", i)
		changes := slices.Concat([]KeyChange{{State: k.State}}, k.Changes)
		if err := cmp.Or(
			invalid(k.Secret == "", field+".secret", "is empty: give the key that clients send"),
			invalid(s.bySecret[k.Secret] != nil, field+".secret", "is there twice: leave one out"),
			invalid(account == nil, field+".group", "%q is none of groups: name it there", k.Group),
			checkStates(field, changes),
		); err != nil {
			return err
		}
		s.addKey(k.Secret, key{account, changes, KeyStats{Group: k.Group}})
	}
	return nil
}

func checkStates(field string, changes []KeyChange) (err error) {
	for i, c := range changes {
		err = cmp.Or(err,
			oneOf(field+".state", c.State, "", active, "revoked", "forbidden", "exhausted"),
			invalid(c.At < changes[max(i, 1)-1].At, field+".changes", "%v is out of order: sort the changes by their times", c.At))
	}
	return err
}

func (s *Server) addKey(secret string, k key) *key {
	k.stats.Key = tail(secret)
	s.bySecret[secret] = &k
	s.keys = append(s.keys, &k)
	return &k
}

// findKey returns the key with a secret; nil if it is not served. The caller holds the lock.
func (s *Server) findKey(secret string) *key {
	if k := s.bySecret[secret]; k != nil || len(s.config.Keys) > 0 || len(s.keys) >= maxOpenKeys {
		return k
	}
	// The secret is a part of a request's header; a copy lets go of the rest.
	return s.addKey(strings.Clone(secret), key{account: NewAccount(s.config.Quota)})
}

// stateAt returns the state at a time; a key that is not known counts as revoked.
func (k *key) stateAt(now time.Duration) string {
	if k == nil {
		return "revoked"
	}
	state := active
	for _, c := range k.changes {
		if c.At <= now && c.State != "" {
			state = c.State
		}
	}
	return state
}

// bearer returns the secret of an Authorization header, "" if there is none or it is of another scheme.
func bearer(authorization string) string {
	scheme, secret, _ := strings.Cut(authorization, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return secret
	}
	return ""
}

// tail is the part of a secret that may be shown: at most a third, and four characters.
func tail(secret string) string {
	if secret == "" {
		return "none"
	}
	return "..." + secret[len(secret)-min(4, len(secret)/3):]
}
