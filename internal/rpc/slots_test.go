package rpc

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// fill takes all slots and returns what gives them back.
func (s slots) fill() (empty func()) {
	for range cap(s) {
		s.enter()
	}
	return func() {
		for range cap(s) {
			s.leave()
		}
	}
}

func TestLargePackedMessages_WaitForASlotBeforeTheyAreUnpacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := intake.New(0)
		u := &unpacker{limit: 8 << 20, codec: newCodec(Config{MaxItems: 10, MaxRequestBytes: 8 << 20, Intake: budget})}
		wire, err := proto.Marshal(&credenzav1.ClassifyStreamRequest{Items: []*credenzav1.Item{{Description: strings.Repeat("x", 3<<20)}}})
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(wire)
		_ = w.Close()
		message, err := u.Do(&packed)
		if err != nil {
			t.Fatal(err)
		}
		empty, decoded := u.codec.large.fill(), make(chan error, 1)
		got := &credenzav1.ClassifyStreamRequest{}
		go func() { decoded <- u.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(message)}, got) }()
		synctest.Wait()
		if held := budget.Held(); held == 0 || held > 2<<20 || len(decoded) > 0 {
			t.Errorf("%d bytes were unpacked while others had all slots", held)
		}
		empty()
		if err := <-decoded; err != nil || itemBytes(got) < 3<<20 || len(u.codec.large) != 0 || budget.Held() != 0 {
			t.Errorf("%v: %d bytes of items, %d slots and %d bytes are held", err, itemBytes(got), len(u.codec.large), budget.Held())
		}
	})
}

func TestJSONLists_AreDecodedInSlotsAndKeptAsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCodec(Config{MaxItems: 10})
		j := newJSONCodec(c, protoregistry.GlobalTypes)
		empty, decoded := c.large.fill(), make(chan error, 1)
		got := &credenzav1.ClassifyStreamRequest{}
		go func() { decoded <- j.Unmarshal([]byte(`{"items":[{},{}]}`), got) }()
		synctest.Wait()
		if len(decoded) > 0 {
			t.Error("a list was decoded while others had all slots")
		}
		empty()
		if err := <-decoded; err != nil || len(got.GetItems()) != 0 || string(got.ProtoReflect().GetUnknown()) != "\x0a\x00\x0a\x00" || len(c.large) != 0 {
			t.Errorf("%v: %v, %d slots are held", err, got, len(c.large))
		}
	})
}

// Other messages than lists may become many times their size too, and are charged only then.
func TestMessagesThatAreNotSmall_AreDecodedInSlots(t *testing.T) {
	tags := &credenzav1.ClassifyRequest{Item: &credenzav1.Item{Tags: make([]string, 20_000), Description: strings.Repeat("x", intake.SmallBytes)}}
	wire, err := proto.Marshal(tags)
	if err != nil {
		t.Fatal(err)
	}
	asJSON := `{"item":{"description":"` + strings.Repeat("x", intake.SmallBytes) + `"}}`
	synctest.Test(t, func(t *testing.T) {
		c := newCodec(Config{MaxItems: 10, MaxRequestBytes: 8 << 20})
		for name, decode := range map[string]func() error{
			"on the wire": func() error {
				return c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, &credenzav1.ClassifyRequest{})
			},
			"JSON": func() error {
				return newJSONCodec(c, protoregistry.GlobalTypes).Unmarshal([]byte(asJSON), &credenzav1.ClassifyRequest{})
			},
		} {
			empty, decoded := c.large.fill(), make(chan error, 1)
			go func() { decoded <- decode() }()
			synctest.Wait()
			if len(decoded) > 0 {
				t.Errorf("%s: the message was decoded while others had all slots", name)
			}
			empty()
			if err := <-decoded; err != nil || len(c.large) != 0 {
				t.Errorf("%s: %v, %d slots are held", name, err, len(c.large))
			}
		}
	})
}

// Numbers in a list take little more than their bytes on the wire, unlike texts and messages.
func TestDecodedBytes_OfNumbersAreFew(t *testing.T) {
	const n = 1 << 20
	reasons := make([]credenzav1.ErrorReason, n)
	for i := range reasons {
		reasons[i] = credenzav1.ErrorReason_ERROR_REASON_INVALID_ITEM
	}
	message := &credenzav1.ListReviewItemsRequest{Filter: &credenzav1.ReviewFilter{Reasons: reasons}}
	if got := decodedBytes(message); got < 4*n || got > 12*n {
		t.Errorf("%d numbers count as %d bytes", n, got)
	}
	message.Filter = &credenzav1.ReviewFilter{Categories: make([]string, n)}
	if got := decodedBytes(message); got < 100*n {
		t.Errorf("%d texts count as %d bytes", n, got)
	}
}
