package auth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestAddToken_KeepsWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	for _, text := range []string{"- {name: a", "name: a", "callers: 12"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.AddToken(path, &auth.Entry{Name: "b", Scopes: []string{"classify"}}); err == nil {
			t.Errorf("%q was edited", text)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%q became %q, %v", text, now, err)
		}
	}
}

func TestAddToken_RevokedCallersAreReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	entry := &auth.Entry{Name: "a", Scopes: []string{"classify", "operate"}, Caps: catalog.Caps{5, 0, -1}}
	old, err := auth.AddToken(path, entry)
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.RevokeToken(path, "a"); err != nil {
		t.Fatal(err)
	}
	renewed, err := auth.AddToken(path, entry)
	if err != nil || renewed == old {
		t.Fatal(renewed, err)
	}
	authority, err := auth.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for token, known := range map[string]bool{old: false, renewed: true} {
		identity := authority.Identify(auth.Call{Authorization: []string{"Bearer " + token}})
		if err := identity.May(operations); (err == nil) != known {
			t.Errorf("a token that is to be known %v: %v", known, err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), "caps: {items_in_flight: 5, items_per_day: none}") {
		t.Errorf("the file is\n%s, %v", data, err)
	}
}

func TestAddToken_SeveralAtOnceAreAllKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	var edits errgroup.Group
	const callers = 20
	for i := range callers {
		edits.Go(func() error {
			_, err := auth.AddToken(path, &auth.Entry{Name: fmt.Sprint("caller-", i), Scopes: []string{"classify"}})
			return err
		})
	}
	if err := edits.Wait(); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.LoadTokens(path)
	if err != nil || len(tokens.List()) != callers {
		t.Errorf("of %d callers, the file has %v, %v", callers, tokens, err)
	}
}

// A service that reads the file by its group must see what was revoked.
func TestRevokeToken_KeepsTheModeOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	if _, err := auth.AddToken(path, &auth.Entry{Name: "a", Scopes: []string{"classify"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := auth.RevokeToken(path, "a"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
}
