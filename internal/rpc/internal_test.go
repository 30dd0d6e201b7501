package rpc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// panicking is a stream whose receiving panics, which no caller can bring about.
type panicking struct{ grpc.ServerStream }

func (panicking) Recv() (*credenzav1.ClassifyFeedRequest, error) { panic("secret state") }
func (panicking) Send(*credenzav1.ClassifyFeedResponse) error    { return nil }
func (panicking) SendMsg(any) error                              { return nil }
func (panicking) RecvMsg(any) error                              { return nil }

func TestPanicWhileReceivingIsAnError(t *testing.T) {
	_, err := receive(panicking{}.Recv)
	if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Reason != fault.Internal || strings.Contains(f.Message, "secret") {
		t.Errorf("got %v", err)
	}
}

// What is counted is what decoding makes of a message, and no message that can be
// decoded is refused for its form.
func FuzzCensus(f *testing.F) {
	seed, err := proto.Marshal(manyItems(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("\x0a\x00\x0a\x02\x3a\x00"))
	f.Add([]byte("\x08\x01\x0a\x02\x38\x01"))
	f.Add([]byte("\x0b\x0c\x0a\x02\x3a"))
	form := newForm(&credenzav1.ClassifyStreamRequest{}, DefaultMaxItems)
	f.Fuzz(func(t *testing.T, wire []byte) {
		req := &credenzav1.ClassifyStreamRequest{}
		if err := decoding.Unmarshal(wire, req); err != nil {
			return
		}
		c := census{form: form}
		if err := c.count(wire, form.parts); err != nil {
			t.Fatal(err)
		}
		least := 0 // of the entries: equal keys of a map are one in the end
		for _, item := range req.GetItems() {
			least += len(item.GetStyles()) + len(item.GetTags()) + len(item.GetAttributes())
		}
		if c.items != len(req.GetItems()) || c.entries < least {
			t.Errorf("counted %d items and %d entries, want %d and %d at least", c.items, c.entries, len(req.GetItems()), least)
		}
	})
}

func manyItems(n int) *credenzav1.ClassifyStreamRequest {
	req := &credenzav1.ClassifyStreamRequest{Items: make([]*credenzav1.Item, n)}
	for i := range req.Items {
		req.Items[i] = &credenzav1.Item{
			ProductName: "Three-seat sofa", Description: strings.Repeat("word ", 60), Type: "sofa",
			Tags: []string{"a", "b"}, ImageUrl: "https://shop.example/1.jpg",
			Attributes: map[string]string{"material": "oak"},
		}
	}
	return req
}

func BenchmarkChecks(b *testing.B) {
	c, err := newChecks()
	if err != nil {
		b.Fatal(err)
	}
	for name, n := range map[string]int{"items=1": 1, "items=1000": 1000, "items=100000": 100_000} {
		b.Run(name, func(b *testing.B) {
			req := manyItems(n)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.check(req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCodec(b *testing.B) {
	wire, err := proto.Marshal(manyItems(100_000))
	if err != nil {
		b.Fatal(err)
	}
	for name, maxItems := range map[string]int{"taken": 100_000, "refused": 1000} {
		b.Run(name, func(b *testing.B) {
			c := newCodec(Config{MaxItems: maxItems})
			b.ReportAllocs()
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, &credenzav1.ClassifyStreamRequest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("count", func(b *testing.B) {
		f := newForm(&credenzav1.ClassifyStreamRequest{}, 100_000)
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		for b.Loop() {
			if r := f.check(wire); r != nil {
				b.Fatal(r)
			}
		}
	})
}

func BenchmarkItemFromProto(b *testing.B) {
	item := manyItems(1).Items[0]
	b.ReportAllocs()
	for b.Loop() {
		itemFromProto(item)
	}
}

func BenchmarkBatchToWire(b *testing.B) {
	outcome := catalog.Outcome{ID: "1", Name: "Three-seat sofa", Classification: catalog.Classification{
		Category: "SOFA", Confidence: 0.9, ConfidenceSource: catalog.FromModel, PrimaryStyle: "MODERN",
		StyleTags: []string{"a", "b", "c"}, PlacementTags: []string{"d", "e"},
		Reasoning: strings.Repeat("because ", 20), Evidence: catalog.EvidenceText,
	}}
	batch := catalog.Batch{ID: 1, At: time.Unix(1, 0)}
	for range 10 {
		batch.Outcomes = append(batch.Outcomes, outcome)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := proto.Marshal(batchToProto(&batch)); err != nil {
			b.Fatal(err)
		}
	}
}
