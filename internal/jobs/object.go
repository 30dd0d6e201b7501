package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// objectPart is how many bytes of an object are in one message.
const objectPart = 128 << 10

// putObject stores an object of a bucket that has none with its name, in the form of
// NATS object stores (ADR-20). The client's own Put makes a publisher for each object
// and ends it afterwards. If that comes before the publisher's goroutine has begun,
// the goroutine waits for ever.
func (st *store) putObject(ctx context.Context, bucket, name string, b []byte) error {
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: objectPart}},
		Bucket:     bucket, NUID: newName(), Size: uint64(len(b)),
	}
	for part := range slices.Chunk(b, objectPart) {
		if _, err := st.js.Publish(ctx, objectParts(bucket, info.NUID), part); err != nil {
			return err
		}
		info.Chunks++
	}
	digest := sha256.New()
	digest.Write(b)
	info.Digest = jetstream.GetObjectDigestValue(digest)
	described, err := json.Marshal(info)
	if err != nil {
		return err
	}
	_, err = st.js.PublishMsg(ctx, &nats.Msg{
		Subject: "$O." + bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name)),
		Header:  nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}},
		Data:    described,
	})
	return err
}

// objectParts returns the subject of an object's messages.
func objectParts(bucket, id string) string { return "$O." + bucket + ".C." + id }
