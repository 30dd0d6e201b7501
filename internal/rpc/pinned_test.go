package rpc

import (
	"runtime"
	"testing"
	"weak"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Only a list's items are charged while they wait, so that the rest of the message
// must not stay in memory with them.
func TestDecodeList_KeepsNothingButItems(t *testing.T) {
	lengthPrefixed := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	items, unknown := []byte("\x0a\x00\x0a\x00"), lengthPrefixed(15, make([]byte, 1<<20))
	for _, tc := range []struct {
		name    string
		wire    []byte
		message proto.Message
	}{
		{"a list before an unknown field", append(items[:4:4], unknown...), &credenzav1.ClassifyStreamRequest{}},
		{"a list after an unknown field", append(unknown[:len(unknown):len(unknown)], items...), &credenzav1.ClassifyStreamRequest{}},
		{"a job", append(unknown[:len(unknown):len(unknown)], items...), &credenzav1.SubmitJobRequest{}},
		{"a chunk", lengthPrefixed(2, append(items[:4:4], unknown...)), &credenzav1.ClassifyFeedRequest{}},
		{"a chunk before an unknown field", append(lengthPrefixed(2, items), unknown...), &credenzav1.CreateJobRequest{}},
		{"rows before an unknown field", append(lengthPrefixed(4, []byte("\x12\x00\x12\x00")), unknown...), &credenzav1.ClassifyStreamRequest{}},
		{"rows behind a long column", lengthPrefixed(3, append(lengthPrefixed(1, make([]byte, 1<<20)), "\x12\x00\x12\x00"...)), &credenzav1.SubmitJobRequest{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wire := append([]byte(nil), tc.wire...)
			kept := weak.Make(&wire[0])
			if err := listFormOf(tc.message).decode(wire, tc.message); err != nil {
				t.Fatal(err)
			}
			wire = nil
			runtime.GC()
			if kept.Value() != nil {
				t.Error("the whole message is still in memory")
			}
			if n := itemBytes(tc.message); n != int64(len(items)) {
				t.Errorf("%d bytes of items are left, want %d", n, len(items))
			}
		})
	}
}
