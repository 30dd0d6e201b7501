package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/fault"
)

// TestSync_FailsAfterAFailedOne has a disk that fails once: what it was to
// write is lost, and the next sync would not say so.
func TestSync_FailsAfterAFailedOne(t *testing.T) {
	core, log := observer.New(zap.WarnLevel)
	changes := make(chan error, 10)
	b, err := broker.Open(t.Context(), broker.Config{Dir: t.TempDir(), Log: zap.New(core), Changed: func(err error) { changes <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.OnSync(func(string) error { return errors.New("I/O error") })
	if err := b.Sync(t.Context()); !fault.Is(err, fault.StorageAway) {
		t.Errorf("the sync that failed: %v", err)
	}
	b.OnSync(broker.SyncPath)
	if err := b.Sync(t.Context()); !fault.Is(err, fault.StorageAway) || !fault.Is(b.Lost(), fault.StorageAway) {
		t.Errorf("the sync after it: %v, %v", err, b.Lost())
	}
	if len(changes) != 1 || !fault.Is(<-changes, fault.StorageAway) || log.FilterMessageSnippet("nothing can be stored").Len() != 1 {
		t.Errorf("it is not reported once: %v", log.All())
	}
}

// TestSync_SyncsOnlyChangedFiles counts what a sync costs.
func TestSync_SyncsOnlyChangedFiles(t *testing.T) {
	b := open(t, t.TempDir())
	defer b.Close()
	newStream(t, b)
	synced := make(chan string, 1000)
	b.OnSync(func(path string) error {
		synced <- filepath.Base(path)
		return broker.SyncPath(path)
	})
	for _, want := range []int{-1, 0, 1} { // all, nothing, the one file that a message went to
		if want == 1 {
			if _, err := b.JetStream().Publish(t.Context(), "things.a", []byte("more")); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		var names []string
		for len(synced) > 0 {
			names = append(names, <-synced)
		}
		if want >= 0 && len(names) != want {
			t.Errorf("%d files were synced, want %d: %v", len(names), want, names)
		}
	}
}

func newStream(t *testing.T, b *broker.Broker) jetstream.Stream {
	t.Helper()
	stream, err := b.JetStream().CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "THINGS", Subjects: []string{"things.>"}, Storage: jetstream.FileStorage, MaxBytes: 64 << 20, Compression: jetstream.S2Compression,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// TestMend_LosesOnlyDamagedMessages flips a bit of a block: what follows is still there.
func TestMend_LosesOnlyDamagedMessages(t *testing.T) {
	const messages = 300
	dir := t.TempDir()
	b := open(t, dir)
	newStream(t, b)
	for i := range messages {
		if _, err := b.JetStream().Publish(t.Context(), fmt.Sprint("things.", i), []byte(fmt.Sprint("the thing ", i))); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			damaged := t.TempDir()
			if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			flipBit(t, filepath.Join(damaged, "jetstream", "$G", "streams", "THINGS", "msgs", "1.blk"), seed)
			core, log := observer.New(zap.WarnLevel)
			b, err := broker.Open(t.Context(), broker.Config{Dir: damaged, Log: zap.New(core)})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			stream, lost := newStream(t, b), 0
			for i := range messages {
				m, err := stream.GetLastMsgForSubject(t.Context(), fmt.Sprint("things.", i))
				if err != nil || string(m.Data) != fmt.Sprint("the thing ", i) {
					lost++
				}
			}
			if lost > 1 || log.FilterMessageSnippet("damaged on disk").Len() != lost {
				t.Errorf("%d messages are lost, and the log has %v", lost, log.All())
			}
		})
	}
}

func flipBit(t *testing.T, path string, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[random.IntN(len(content))] ^= 1 << random.IntN(8)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMend_StartsWithoutWhatTheDiskCannotRead has a block that is a file which the
// system opens and fails to read.
func TestMend_StartsWithoutWhatTheDiskCannotRead(t *testing.T) {
	const unreadable = "/proc/self/mem"
	if _, err := os.ReadFile(unreadable); !errors.Is(err, syscall.EIO) {
		t.Skip("this system has no file that cannot be read")
	}
	dir := t.TempDir()
	b := open(t, dir)
	newStream(t, b)
	if _, err := b.JetStream().Publish(t.Context(), "things.a", []byte("a thing")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	messages := filepath.Join(dir, "jetstream", "$G", "streams", "THINGS", "msgs")
	if err := os.Symlink(unreadable, filepath.Join(messages, "2.blk")); err != nil {
		t.Fatal(err)
	}
	for starts := range 2 {
		core, log := observer.New(zap.ErrorLevel)
		b, err := broker.Open(t.Context(), broker.Config{Dir: dir, Log: zap.New(core)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newStream(t, b).GetLastMsgForSubject(t.Context(), "things.a"); err != nil {
			t.Errorf("what can be read is not kept: %v", err)
		}
		b.Close()
		if _, err := os.Lstat(filepath.Join(messages, "unreadable-2")); err != nil {
			t.Errorf("the unreadable file is not kept under another name: %v", err)
		}
		if n := log.FilterMessageSnippet("cannot read a file").Len(); n != 1-starts {
			t.Errorf("start %d logs %d lines: %v", starts+1, n, log.All())
		}
	}
}

// badSector is a disk that cannot read some of a file's bytes.
type badSector struct {
	content  []byte
	from, to int64
}

func (b badSector) ReadAt(p []byte, at int64) (int, error) {
	if at < b.to && at+int64(len(p)) > b.from {
		return 0, syscall.EIO
	}
	return copy(p, b.content[at:]), nil
}

func TestReadPieces_KeepsWhatIsAroundABadSector(t *testing.T) {
	content := bytes.Repeat([]byte("thing "), 10_000)
	got, unread, err := broker.ReadPieces(badSector{content, 17_000, 17_512}, int64(len(content)))
	if err != nil || unread != 4096 {
		t.Fatalf("%d bytes were not read, %v", unread, err)
	}
	want := bytes.Clone(content)
	clear(want[4*4096 : 5*4096])
	if !bytes.Equal(got, want) {
		t.Error("it is not the content around the sector")
	}
}
