package lru_test

import (
	"testing"

	"github.com/credenza-dev/credenza/internal/picture/lru"
)

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	c := lru.New[string, int](10)
	c.Put("a", 1, 4)
	c.Put("b", 2, 4)
	c.Get("a")
	c.Put("c", 3, 4)
	want := map[string]bool{"a": true, "b": false, "c": true}
	for key, held := range want {
		if _, ok := c.Get(key); ok != held {
			t.Errorf("%s is held: %v", key, ok)
		}
	}
	if c.Weight() != 8 {
		t.Errorf("the weight is %d", c.Weight())
	}
}

func TestWeights(t *testing.T) {
	c := lru.New[string, int](10)
	c.Put("a", 1, 4)
	c.Put("a", 2, 9)
	if v, _ := c.Get("a"); v != 2 || c.Weight() != 9 {
		t.Errorf("replaced: %d with a weight of %d", v, c.Weight())
	}
	c.Put("a", 3, 11)
	if _, ok := c.Get("a"); ok || c.Weight() != 0 {
		t.Errorf("what is too heavy is held, or what was there before: %d", c.Weight())
	}
	none := lru.New[string, int](0)
	none.Put("a", 1, 1)
	if none.Weight() != 0 {
		t.Error("a cache of nothing holds something")
	}
}
