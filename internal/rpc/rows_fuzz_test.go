package rpc

import (
	"errors"
	"io"
	"slices"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Each row of a message has one item with its cells, as protobuf decodes them, and none of
// it ends the call.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		`{"rows":{"columns":["id","name"],"rows":[{"cells":["1","a"]},{"cells":["2","b","c"]},{}]}}`,
		`{"rows":{"columns":["","name","name"],"rows":[{"cells":["","a","nan"]}]}}`,
		`{"rows":{"columns":["Bild"],"rows":[{"cells":["data:image/png;base64,AAAA"]}],"overrides":{"image_url":"Bild"}}}`,
		`{"items":{"items":[{"id":"1"}]}}`,
	} {
		message := &credenzav1.ClassifyFeedRequest{}
		if err := protojson.Unmarshal([]byte(seed), message); err != nil {
			f.Fatal(err)
		}
		wire, err := proto.Marshal(message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
		f.Add(slices.Concat(wire, wire))
	}
	c := newCodec(Config{MaxItems: 1000, MaxRequestBytes: 1 << 20})
	f.Fuzz(func(t *testing.T, wire []byte) {
		want, got := &credenzav1.ClassifyFeedRequest{}, &credenzav1.ClassifyFeedRequest{}
		if decoding.Unmarshal(wire, want) != nil || want.GetRows() == nil {
			return
		}
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, got); err != nil {
			t.Fatal(err)
		}
		if marked(got) != nil {
			return // it has too much of something
		}
		items, err := new(rows).open(got.GetRows(), nil)
		if err != nil {
			wantOfFrame(t, err)
			return
		}
		checkItems(t, items, want.GetRows())
	})
}

// wantOfFrame checks that a call fails for its columns or overrides only.
func wantOfFrame(t *testing.T, err error) {
	t.Helper()
	bad, ok := errors.AsType[*fault.Fault](err)
	if !ok || len(bad.Violations) != 1 || bad.Violations[0].Field != "rows.columns" && bad.Violations[0].Field != "rows.overrides" {
		t.Errorf("got %v", err)
	}
}

func checkItems(t *testing.T, items *wireItems, chunk *credenzav1.RowChunk) {
	t.Helper()
	if items.count() != len(chunk.GetRows()) {
		t.Fatalf("%d items for %d rows", items.count(), len(chunk.GetRows()))
	}
	for i, row := range chunk.GetRows() {
		item, err := items.next()
		if err != nil {
			t.Fatal(err)
		}
		checkCells(t, i, item.Row, row.GetCells(), len(chunk.GetColumns()))
	}
	if _, err := items.next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last row: %v", err)
	}
}

func checkCells(t *testing.T, row int, got *catalog.Row, sent []string, columns int) {
	t.Helper()
	kept := sent[:min(len(sent), columns)]
	if !slices.Equal(got.Cells[:min(len(got.Cells), columns)], kept) || len(got.Cells) > columns+1 {
		t.Errorf("row %d: %q, want %q", row, got.Cells, kept)
	}
}
