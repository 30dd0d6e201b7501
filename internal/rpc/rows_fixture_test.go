package rpc_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// rowCase is a case of the fixture that the SDKs share.
type rowCase struct {
	Name      string
	Columns   []string
	Rows      [][]string
	Overrides map[string]string
	Items     []map[string]any
}

func rowCases(t *testing.T) []rowCase {
	t.Helper()
	content, err := os.ReadFile("../../proto/testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct{ Cases []rowCase }
	if err := json.Unmarshal(content, &fixture); err != nil || len(fixture.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(fixture.Cases), err)
	}
	return fixture.Cases
}

func rowChunk(columns []string, cells ...[]string) *credenzav1.RowChunk {
	chunk := &credenzav1.RowChunk{Columns: columns}
	for _, row := range cells {
		chunk.Rows = append(chunk.Rows, &credenzav1.Row{Cells: row})
	}
	return chunk
}

// collecting returns an engine that keeps the items, for calls one after the other, and
// answers them.
func collecting(items *[]*catalog.Item) fakeEngine {
	return fakeEngine{run: func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		*items = nil
		return echo(ctx, call, func(ctx context.Context) (*catalog.Item, error) {
			item, err := next(ctx)
			if !errors.Is(err, io.EOF) && err == nil {
				*items = append(*items, item)
			}
			return item, err
		}, send)
	}}
}

func TestRows_FixtureOfAllLanguages(t *testing.T) {
	var got []*catalog.Item
	s := start(t, setup{engine: collecting(&got)})
	client := s.rawItems(t)
	for _, tc := range rowCases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			chunk := rowChunk(tc.Columns, tc.Rows...)
			chunk.Overrides = tc.Overrides
			if err := streamError(context.Background(), client, &credenzav1.ClassifyStreamRequest{Rows: chunk}); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tc.Items) {
				t.Fatalf("%d items for %d rows, want %d", len(got), len(tc.Rows), len(tc.Items))
			}
			for i, item := range got {
				if fields := fieldsOf(item); !reflect.DeepEqual(fields, tc.Items[i]) {
					t.Errorf("row %d:\n got %v\nwant %v", i, asJSON(fields), asJSON(tc.Items[i]))
				}
			}
		})
	}
}

// fieldsOf returns an item in the form of the fixture.
func fieldsOf(item *catalog.Item) map[string]any {
	fields := map[string]any{}
	for name, text := range map[string]string{
		"id": item.ID, "product_name": item.Name, "description": item.Description, "type": item.Type, "category": item.Category,
		"price_range": item.PriceRange, "product_url": item.ProductURL, "image_url": item.ImageURL,
		"image_data": base64.StdEncoding.EncodeToString(item.ImageData),
	} {
		if text != "" {
			fields[name] = text
		}
	}
	for name, list := range map[string][]string{"styles": item.Styles, "tags": item.Tags} {
		if len(list) > 0 {
			fields[name] = anyList(list)
		}
	}
	if len(item.Attributes) > 0 {
		attributes := map[string]any{}
		for key, value := range item.Attributes {
			attributes[key] = value
		}
		fields["attributes"] = attributes
	}
	if f := item.Check(); f != nil {
		fields["error"] = f.Reason.String()
	}
	return fields
}

func anyList(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
