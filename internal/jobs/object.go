package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
	info.Digest = objectDigest(b)
	described, err := json.Marshal(info)
	if err != nil {
		return err
	}
	_, err = st.js.PublishMsg(ctx, &nats.Msg{
		Subject: objectDescription(bucket, name),
		Header:  nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}},
		Data:    described,
	})
	return err
}

// getObject returns an object that putObject stored. The error is *unreadable if parts of it are
// lost, and one of isMissing if a store that has just come back may not have it yet. The client's
// own Get has a subscription's goroutine write to a pipe: if the context ends before the subscription
// is confirmed, nothing reads the pipe and the goroutine waits for ever, and if it ends later,
// what was read until then may be reported as a wrong digest.
func (st *store) getObject(ctx context.Context, bucket, name string) ([]byte, error) {
	stream, err := st.js.Stream(ctx, objectStream(bucket))
	if err != nil {
		return nil, err
	}
	b, err := readObject(ctx, stream, bucket, name)
	if config := &stream.CachedInfo().Config; config.AllowDirect && errors.Is(err, jetstream.ErrMsgNotFound) {
		config.AllowDirect = false // any server of a cluster answers direct requests: ask the leader, which is never behind
		b, err = readObject(ctx, stream, bucket, name)
	}
	return b, err
}

func readObject(ctx context.Context, stream jetstream.Stream, bucket, name string) ([]byte, error) {
	described, err := stream.GetLastMsgForSubject(ctx, objectDescription(bucket, name))
	if err != nil {
		return nil, err
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(described.Data, &info); err != nil {
		return nil, &unreadable{fmt.Errorf("the description of a stored item: %w", err)}
	}
	b, err := getParts(ctx, stream, &info)
	if errors.Is(err, jetstream.ErrMsgNotFound) && partsLost(ctx, stream, &info) {
		return nil, &unreadable{errors.New("parts of a stored item are lost")}
	}
	if err != nil {
		return nil, err
	}
	if objectDigest(b) != info.Digest {
		return nil, &unreadable{jetstream.ErrDigestMismatch}
	}
	return b, nil
}

// getParts returns what the parts of an object hold together.
func getParts(ctx context.Context, stream jetstream.Stream, info *jetstream.ObjectInfo) ([]byte, error) {
	var all bytes.Buffer
	next, subject := uint64(1), objectParts(info.Bucket, info.NUID)
	for range info.Chunks {
		part, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subject))
		if err != nil {
			return nil, err
		}
		all.Write(part.Data)
		next = part.Sequence + 1
	}
	return all.Bytes(), nil
}

// partsLost reports whether the store, and not just the replica that answered, lacks parts of
// an object, so that waiting for them would never end.
func partsLost(ctx context.Context, stream jetstream.Stream, info *jetstream.ObjectInfo) bool {
	subject := objectParts(info.Bucket, info.NUID)
	whole, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	return err == nil && whole.State.Subjects[subject] < uint64(info.Chunks)
}

func objectDigest(b []byte) string {
	digest := sha256.New()
	digest.Write(b)
	return jetstream.GetObjectDigestValue(digest)
}

// objectStream returns the name of a bucket's stream.
func objectStream(bucket string) string { return "OBJ_" + bucket }

// objectDescription returns the subject of the message that describes an object.
func objectDescription(bucket, name string) string {
	return "$O." + bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// objectParts returns the subject of an object's messages.
func objectParts(bucket, id string) string { return "$O." + bucket + ".C." + id }
