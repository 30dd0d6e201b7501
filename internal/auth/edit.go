package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Entry is a caller of a token file, without its token.
type Entry struct {
	Name    string
	Scopes  []string
	Expires string       // as ParseTokens reads it; empty: never
	Caps    catalog.Caps // of its own: 0 for those of all, below 0 for none
}

// AddToken adds a caller to a token file, which it creates if there is none, and returns
// the caller's new token, which is stored nowhere. A caller of that name is replaced if
// it has expired.
func AddToken(path string, e *Entry) (token string, err error) {
	token = "crz_" + rand.Text() + rand.Text()
	return token, edit(path, func(list *yaml.Node) error {
		entry := entryNode(e, token)
		for i, other := range list.Content {
			old, _, err := parseCaller(other)
			switch {
			case err != nil || old.name != e.Name:
			case !old.expired():
				return fmt.Errorf("there is a caller %q: revoke it first, or give another name", e.Name)
			default:
				list.Content[i] = entry
				return nil
			}
		}
		list.Content = append(list.Content, entry)
		return nil
	})
}

// RevokeToken ends a caller's access now. The caller stays in the file as expired, so that
// its name is not given to another one by mistake.
func RevokeToken(path, name string) error {
	return edit(path, func(list *yaml.Node) error {
		for _, entry := range list.Content {
			if c, _, err := parseCaller(entry); err != nil || c.name != name {
				continue
			}
			now := time.Now().UTC().Format(time.RFC3339)
			if value := valueOf(entry, "expires"); value != nil {
				value.SetString(now)
				return nil
			}
			entry.Content = append(entry.Content, text("expires"), text(now))
			return nil
		}
		return fmt.Errorf("there is no caller %q: list them with credenza tokens list", name)
	})
}

// Listed is a caller of a token file as it is in force.
type Listed struct {
	Name    string
	Scopes  []string
	Expires time.Time // zero: never
	Expired bool
	Caps    catalog.Caps
}

// List returns the callers, in the order of the file.
func (t *Tokens) List() []Listed {
	list := make([]Listed, len(t.callers))
	for i, c := range t.callers {
		list[i] = Listed{Name: c.name, Expires: c.expires, Expired: c.expired(), Caps: c.caps}
		for _, scope := range []Scope{ScopeClassify, ScopeOperate} {
			if c.scopes&scope != 0 {
				list[i].Scopes = append(list[i].Scopes, scope.String())
			}
		}
	}
	return list
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func entryNode(e *Entry, token string) *yaml.Node {
	entry := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, value *yaml.Node) { entry.Content = append(entry.Content, text(key), value) }
	add("name", text(e.Name))
	add("sha256", text(fmt.Sprintf("%x", sha256.Sum256([]byte(token)))))
	scopes := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, scope := range e.Scopes {
		scopes.Content = append(scopes.Content, text(scope))
	}
	add("scopes", scopes)
	if e.Expires != "" {
		add("expires", text(e.Expires))
	}
	if e.Caps == (catalog.Caps{}) {
		return entry
	}
	limits := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for c := range catalog.NumCaps {
		switch n := e.Caps[c]; {
		case n > 0:
			limits.Content = append(limits.Content, text(c.String()), &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(n)})
		case n < 0:
			limits.Content = append(limits.Content, text(c.String()), text(noCap))
		}
	}
	add("caps", limits)
	return entry
}

// edit changes the list of callers of a token file and keeps its comments, owner and mode.
// It replaces the file in one step, only if the result can be read. A new file has the
// mode 0600.
func edit(path string, change func(list *yaml.Node) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("change the tokens: %w", err)
	}
	defer unlock()
	before, err := readTokens(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the token file cannot be read: correct its path or its permissions (%w)", err)
	}
	if len(bytes.TrimSpace(before)) > 0 {
		if _, err := ParseTokens(path, before); err != nil {
			return err
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(before, &root); err != nil {
		return fmt.Errorf("%s: not YAML", path)
	}
	if len(root.Content) == 0 {
		root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode}}}
	}
	list := root.Content[0]
	if callers := valueOf(list, "callers"); callers != nil {
		list = callers
	}
	if err := change(list); err != nil {
		return err
	}
	after, err := yaml.Marshal(&root)
	if err != nil {
		return err
	}
	if _, err := ParseTokens(path, after); err != nil {
		return err
	}
	return replaceFile(path, before, after)
}

// lockFolder keeps other processes from editing a file in the folder until unlock is
// called. The file itself cannot be locked, because it is replaced. Windows locks no
// folders.
func lockFolder(folder string) (unlock func(), err error) {
	if runtime.GOOS == "windows" {
		return func() {}, nil
	}
	lock := flock.New(folder, flock.SetFlag(os.O_RDONLY))
	return func() { _ = lock.Unlock() }, lock.Lock()
}

// replaceFile puts a file with other content in the place of one, if that has not changed
// since it was read.
func replaceFile(path string, before, after []byte) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".tokens-*") // its mode is 0600
	if err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(after)
	if err = errors.Join(err, keepOwner(temporary, path), temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	if now, err := os.ReadFile(path); !bytes.Equal(now, before) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has changed meanwhile: try again", path)
	}
	return os.Rename(temporary.Name(), path)
}
