package llm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

func TestKeysMoveOn(t *testing.T) {
	keys := []string{"sk-dead-aaaaaaaaaaaa", "sk-poor-bbbbbbbbbbbb", testKey}
	s := &server{script: []answer{{}}, byKey: map[string]answer{
		authorized(keys[0]): {status: 401, body: apiErr("invalid_api_key", "Incorrect API key provided: "+keys[0])},
		authorized(keys[1]): {status: 429, body: apiErr("insufficient_quota", "You exceeded your current quota")},
	}}
	inBubble(t, llm.Config{MaxAttempts: 1}, s, keys, func(t *testing.T, b *bench) {
		for i := range 5 {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatalf("item %d: %v", i, err)
			}
		}
		if n := len(s.requests()); n != 7 {
			t.Errorf("%d calls for 5 items, want one wasted on each bad key", n)
		}
	})
}

func TestNoKeyIsSentWhereThereIsNone(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-from-the-environment")
	t.Setenv("OPENAI_BASE_URL", "http://environment.test/")
	inBubble(t, llm.Config{}, &server{script: []answer{{}}}, nil, func(t *testing.T, b *bench) {
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		if got := b.server.requests()[0].authorization; got != "" {
			t.Errorf("authorization %q was sent", got)
		}
	})
}

// TestSecretsNeverShow has servers that quote the key, and addresses that hold one.
func TestSecretsNeverShow(t *testing.T) {
	quoting := fmt.Sprintf("key %s, header Authorization: Bearer %s, other sk-proj-abcdefghijkl", testKey, testKey)
	for _, status := range []int{400, 401, 403, 404, 408, 422, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{{status: status, body: apiErr("bad "+testKey, quoting)}}}, one, func(t *testing.T, b *bench) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, err := b.Ask(ctx, sofa())
				checkSecret(t, err)
			})
		})
	}
	t.Run("a product with a part of the key", func(t *testing.T) {
		q := sofa()
		q.Item = &catalog.Item{Name: "A sofa " + testKey[:len(testKey)-8] + " x"}
		inBubble(t, llm.Config{}, &server{script: []answer{{status: 401, body: apiErr("", "Incorrect API key provided: "+testKey+".")}}}, one, func(t *testing.T, b *bench) {
			_, err := b.Ask(t.Context(), q)
			if err == nil || strings.Contains(strings.ReplaceAll(err.Error(), "..."+testKey[len(testKey)-4:], ""), testKey[len(testKey)-8:]) {
				t.Errorf("a part of the key is shown: %v", err)
			}
		})
	})
	t.Run("refusal", func(t *testing.T) {
		body := `{"choices":[{"message":{"refusal":"not with ` + testKey + `"}}]}`
		inBubble(t, llm.Config{}, &server{script: []answer{{body: body}}}, one, func(t *testing.T, b *bench) {
			_, err := b.Ask(t.Context(), sofa())
			checkSecret(t, err)
		})
	})
	t.Run("address", func(t *testing.T) {
		g := newGate(t, "http://user:"+testKey+"@127.0.0.1:1/v1?api-key="+testKey, 1, testKey)
		c, err := llm.New(llm.Config{Model: "m", MaxAttempts: 1}, g, newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.UpstreamUnavailable, "cannot be reached")
		checkSecret(t, err)
	})
}

func checkSecret(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, part := range []string{testKey, "test-secret", "sk-proj-abc"} {
			if strings.Contains(text, part) {
				t.Fatalf("%q is in the error: %s", part, text)
			}
		}
	}
}
