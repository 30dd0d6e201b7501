package rpc_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

func TestChunksInParts(t *testing.T) {
	item := func(name string) []byte { return field(1, field(2, []byte(name))) }
	for _, tc := range []struct {
		name   string
		method string
		send   [][]byte
		want   string
	}{
		{"a list around its options", streamMethod, [][]byte{slices.Concat(item("a"), field(3, nil), item("b"), []byte{0x10, 0x01}, item("c"))}, "a b c"},
		{"a tag in two bytes", streamMethod, [][]byte{slices.Concat(item("a"), []byte{0x8a, 0x00}, item("b")[1:], item("c"))}, "a b c"},
		{"a chunk in parts", feedMethod, [][]byte{emptySpec, slices.Concat(field(2, item("a")), field(9, nil), field(2, slices.Concat(item("b"), item("c"))))}, "a b c"},
		{"a spec in a chunk's place, and the other way round", feedMethod, [][]byte{emptySpec, slices.Concat(field(2, item("a")), emptySpec, field(2, item("b")))}, "b"},
		{"an empty chunk", feedMethod, [][]byte{emptySpec, field(2, nil), field(2, item("a"))}, "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var names []string
			s := start(t, setup{engine: fakeEngine{
				run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
					for {
						item, err := next(ctx)
						if err != nil {
							return catalog.Summary{}, nil //nolint:nilerr // the end of the items
						}
						names = append(names, item.Name)
					}
				},
			}})
			if err := callWith(t, s, tc.method, tc.send...); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestChunksInParts_AreCopiedOnce(t *testing.T) {
	const parts = 10_000
	anItem, other := field(1, nil), field(15, nil)
	for _, tc := range []struct {
		name   string
		method string
		send   [][]byte
	}{
		{"a list between other fields", streamMethod, [][]byte{repeat(parts, slices.Concat(anItem, other))}},
		{"a chunk between other fields", feedMethod, [][]byte{emptySpec, field(2, repeat(parts, slices.Concat(anItem, other)))}},
		{"a chunk in many parts", feedMethod, [][]byte{emptySpec, repeat(parts, field(2, anItem))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			taken := 0
			s := start(t, setup{engine: fakeEngine{
				run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
					for {
						if _, err := next(ctx); err != nil {
							return catalog.Summary{}, nil //nolint:nilerr // the end of the items
						}
						taken++
					}
				},
			}})
			runtime.ReadMemStats(&before)
			if err := callWith(t, s, tc.method, tc.send...); err != nil || taken != parts {
				t.Fatalf("%d items, %v", taken, err)
			}
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 40<<20 {
				t.Errorf("%d MiB were allocated for %d items", allocated>>20, parts)
			}
		})
	}
}
