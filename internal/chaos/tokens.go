package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// tokenFile is the callers of all replicas: one, whose token is replaced.
type tokenFile struct {
	path string

	mu       sync.Mutex
	number   int
	replaced time.Time
}

func newTokenFile(folder string) (*tokenFile, error) {
	t := &tokenFile{path: filepath.Join(folder, "tokens.yaml")}
	return t, t.replace()
}

// replace gives the caller another token.
func (t *tokenFile) replace() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.number + 1
	content := fmt.Sprintf("- name: load\n  sha256: %x\n  scopes: [classify, operate]\n", sha256.Sum256([]byte(tokenOf(next))))
	if err := replaceFile(t.path, []byte(content)); err != nil {
		return err
	}
	t.number, t.replaced = next, time.Now()
	return nil
}

// spoil replaces the file with one that cannot be read.
func (t *tokenFile) spoil() error { return replaceFile(t.path, []byte("- name: [")) }

func tokenOf(number int) string { return fmt.Sprintf("chaos-token-0123456789-%d", number) }

// current returns the token that is valid, or will be within a second.
func (t *tokenFile) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return tokenOf(t.number)
}

// settled reports whether all replicas that run must have read the file.
func (t *tokenFile) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.replaced) > 10*time.Second
}

// GetRequestMetadata implements gRPC's credentials of each call.
func (t *tokenFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + t.current()}, nil
}

// RequireTransportSecurity implements the same.
func (t *tokenFile) RequireTransportSecurity() bool { return true }
