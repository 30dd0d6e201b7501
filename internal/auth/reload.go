package auth

import (
	"bytes"
	"fmt"
	"sync"
)

// tokenFile is the file that an authority's tokens are from.
type tokenFile struct {
	mu   sync.Mutex
	path string // empty: there is none
	data []byte // as it was read last, good or bad
}

// Open returns an authority that knows the callers of a file. It reads the file again
// at each call of Reload.
func Open(path string) (*Authority, error) {
	a := New(nil)
	a.file.path = path
	if _, err := a.Reload(); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload reads the token file again and reports whether it has changed since it was
// last read. Calls that begin afterwards are judged by the new tokens; calls in flight
// end as they would have. If the file cannot be read, the earlier tokens stay in force;
// the error names the file and is returned once for each content. Without a file,
// Reload does nothing.
func (a *Authority) Reload() (changed bool, err error) {
	a.file.mu.Lock()
	defer a.file.mu.Unlock()
	if a.file.path == "" {
		return false, nil
	}
	data, err := readTokens(a.file.path)
	if err != nil {
		data = []byte(err.Error()) // no token file has this content
	}
	if a.file.data != nil && bytes.Equal(data, a.file.data) {
		return false, nil
	}
	a.file.data = data
	if err != nil {
		return true, fmt.Errorf("the token file cannot be read: correct its path or its permissions (%w)", err)
	}
	tokens, err := ParseTokens(a.file.path, data)
	if err == nil {
		a.tokens.Store(tokens)
	}
	return true, err
}
