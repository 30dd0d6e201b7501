package broker

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/klauspost/compress/s2"
	"github.com/minio/highwayhash"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// mend checks all stored blocks before the server opens them, and removes damaged
// messages. The server itself would drop the rest of a block after a damaged message,
// refuse a whole stream for a damaged compressed block, or make readers wait for ever
// for a message that it cannot read. mend is about as fast as the disk.
func mend(dir string, log *zap.Logger) error {
	streams, err := filepath.Glob(filepath.Join(dir, storeName, "*", "streams", "*"))
	if err != nil {
		return err
	}
	for _, stream := range streams {
		lost, err := mendStream(stream, log)
		if err != nil {
			return fmt.Errorf("check the stored messages: %w", err)
		}
		if lost > 0 {
			log.Error("stored messages were damaged on disk and are lost: what can be read is kept",
				zap.String("stream", filepath.Base(stream)), zap.Int64("bytes", lost))
		}
	}
	return nil
}

// mendStream mends a stream's blocks and returns the number of lost bytes.
func mendStream(stream string, log *zap.Logger) (int64, error) {
	messages := filepath.Join(stream, "msgs")
	blocks, err := filepath.Glob(filepath.Join(messages, "*.blk"))
	if err != nil {
		return 0, err
	}
	var lost atomic.Int64
	var mending errgroup.Group
	mending.SetLimit(runtime.GOMAXPROCS(0))
	for _, path := range blocks {
		mending.Go(func() error {
			n, err := mendBlock(path, filepath.Base(stream)+"-"+strings.TrimSuffix(filepath.Base(path), ".blk"), log)
			lost.Add(n)
			return err
		})
	}
	if err := mending.Wait(); err != nil || lost.Load() == 0 {
		return 0, err
	}
	// The index still counts the removed messages. Without it the server counts again.
	if err := os.Remove(filepath.Join(messages, "index.db")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return lost.Load(), nil
}

// mendBlock rewrites a block without its damaged parts and returns their size. A block
// that the disk cannot read in full is kept under another name too.
func mendBlock(path, name string, log *zap.Logger) (lost int64, err error) {
	stored, unread, err := readBlock(path)
	if err != nil {
		return 0, err
	}
	key := sha256.Sum256([]byte(name))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return 0, err
	}
	plain, torn := decompress(stored)
	b := block{bytes: plain, hash: hash}
	kept, lost := b.readable()
	if lost = max(lost+torn, unread); lost == 0 {
		return 0, nil
	}
	if unread > 0 {
		aside := filepath.Join(filepath.Dir(path), "unreadable-"+strings.TrimSuffix(filepath.Base(path), ".blk"))
		log.Error("the disk cannot read a file of stored messages: the service starts without what is lost",
			zap.String("file", path), zap.Int64("bytes", unread), zap.NamedError("kept", os.Link(path, aside)), zap.String("as", aside))
	}
	if len(kept) == 0 {
		return lost, os.Remove(path)
	}
	return lost, replaceFile(path, kept)
}

// readBlock returns a block's content. What the disk cannot read of it is zero; unread
// is how many bytes that are, at least one.
func readBlock(path string) (content []byte, unread int64, err error) {
	content, err = os.ReadFile(path) //nolint:gosec // a path below the data folder
	if !errors.Is(err, syscall.EIO) {
		return content, 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path) //nolint:gosec // see above
	if errors.Is(err, syscall.EIO) {
		return nil, max(1, info.Size()), nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // it is only read
	content, unread, err = readPieces(file, info.Size())
	return content, max(1, unread), err
}

// pieceBytes is the size of a page, which disks fail to read as a whole.
const pieceBytes = 4 << 10

// readPieces reads so many bytes, piece by piece. Pieces that the disk cannot read are
// zero; unread is their size.
func readPieces(in io.ReaderAt, size int64) (content []byte, unread int64, err error) {
	content = make([]byte, size)
	for at := int64(0); at < size; at += pieceBytes {
		piece := content[at:min(at+pieceBytes, size)]
		switch _, err := in.ReadAt(piece, at); {
		case errors.Is(err, syscall.EIO):
			clear(piece)
			unread += int64(len(piece))
		case err != nil && !errors.Is(err, io.EOF):
			return nil, 0, err
		}
	}
	return content, unread, nil
}

// replaceFile replaces a file's content. The new content is on disk before the old one
// is removed.
func replaceFile(path string, content []byte) error {
	mended := path + ".tmp"
	if err := os.WriteFile(mended, content, 0o600); err != nil {
		return err
	}
	if err := syncPath(mended); err != nil {
		return err
	}
	return os.Rename(mended, path)
}

// compressed begins a compressed block. The size of its content follows, then the
// content as an S2 stream, and the last message's checksum as it is.
const compressed = "cmp\x01"

// decompress returns a block's content as far as it can be read, and for a damaged block
// the number of bytes, at least one, that cannot.
func decompress(stored []byte) (plain []byte, torn int64) {
	if !bytes.HasPrefix(stored, []byte(compressed)) {
		return stored, 0
	}
	size, n := binary.Uvarint(stored[len(compressed):])
	body := len(stored) - checksumBytes
	if n <= 0 || len(compressed)+n > body {
		return nil, int64(len(stored))
	}
	plain, err := io.ReadAll(s2.NewReader(bytes.NewReader(stored[len(compressed)+n : body])))
	if err != nil {
		return plain, max(1, int64(min(size, maxBlock))-int64(len(plain)))
	}
	return append(plain, stored[body:]...), 0
}

// The form of a message in a block: its length, whose highest bit says that it has
// headers, its sequence, its time, and the length of its subject; then the subject, the
// headers after their own length, the body, and a checksum of all but the lengths.
const (
	messageHead   = 22
	headersBit    = 1 << 31
	headersLength = 4
	checksumBytes = 8
	maxBlock      = 64 << 20
)

// block is a block's content while it is checked.
type block struct {
	bytes []byte
	hash  hash.Hash
}

// readable returns the messages that can be read, and the number of other bytes.
func (b *block) readable() (kept []byte, lost int64) {
	from := 0 // of the messages in a row that are not in kept yet
	for at := 0; at < len(b.bytes); {
		if n := b.message(at); n > 0 {
			at += n
			continue
		}
		kept = append(kept, b.bytes[from:at]...)
		next := b.next(at)
		lost += int64(next - at)
		at, from = next, next
	}
	return append(kept, b.bytes[from:]...), lost
}

// next returns the offset of the next message after a damaged one. It uses the damaged
// message's length if a message follows there, so that no bytes within the damaged one
// are taken for a message.
func (b *block) next(damaged int) int {
	if length := b.length(damaged); length > 0 && b.message(damaged+length) > 0 {
		return damaged + length
	}
	for at := damaged + 1; at < len(b.bytes); at++ {
		if b.message(at) > 0 {
			return at
		}
	}
	return len(b.bytes)
}

// length returns the length in a message's header, 0 if it is impossible.
func (b *block) length(at int) int {
	if len(b.bytes)-at < messageHead+checksumBytes {
		return 0
	}
	head := b.bytes[at:]
	word := binary.LittleEndian.Uint32(head)
	length, least := int(word&^headersBit), messageHead+checksumBytes+int(binary.LittleEndian.Uint16(head[20:]))
	if word&headersBit != 0 {
		least += headersLength
	}
	if length < least || length > len(head) {
		return 0
	}
	return length
}

// message returns the length of the message at an offset, 0 if there is no readable
// one.
func (b *block) message(at int) int {
	length := b.length(at)
	if length == 0 {
		return 0
	}
	m := b.bytes[at : at+length]
	subject := int(binary.LittleEndian.Uint16(m[20:]))
	rest := m[messageHead+subject : length-checksumBytes]
	if binary.LittleEndian.Uint32(m)&headersBit != 0 {
		if int(binary.LittleEndian.Uint32(rest)) > len(rest)-headersLength {
			return 0
		}
		rest = rest[headersLength:]
	}
	b.hash.Reset()
	for _, part := range [][]byte{m[4:20], m[messageHead : messageHead+subject], rest} {
		_, _ = b.hash.Write(part) // a hash takes everything
	}
	if !bytes.Equal(b.hash.Sum(nil), m[length-checksumBytes:]) {
		return 0
	}
	return length
}
