package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// embedded is a NATS server within the process. It listens on no address.
type embedded struct {
	server  *server.Server
	dir     string
	lock    *flock.Flock
	log     *zap.Logger
	disk    *disk
	rounds  *rounds
	full    atomic.Bool // or cannot be written for another reason
	stop    context.CancelFunc
	reviver sync.WaitGroup
}

// Bounds of the server. On disk it has none, since streams have bounds of their own; its
// default would be a part of the free space at its start.
const (
	maxStore  = math.MaxInt64
	maxMemory = 64 << 20
)

// reviveEvery is the interval of checks whether a full disk has room again.
const reviveEvery = 3 * time.Second

func startEmbedded(config Config) (*embedded, error) {
	dir := config.Dir
	if dir == "" {
		return nil, errors.New("no data folder is given: name one in data-dir")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be created: name another one in data-dir (%w)", err)
	}
	lock := flock.New(filepath.Join(dir, lockName))
	held, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the data folder cannot be locked: name another one in data-dir (%w)", err)
	case !held:
		return nil, fmt.Errorf("%w %s: end that process, or name another folder in data-dir", ErrFolderInUse, dir)
	}
	e := &embedded{dir: dir, lock: lock, log: config.Log, disk: newDisk(config)}
	e.rounds = &rounds{sync: e.disk.sync}
	if err := syncPath(filepath.Dir(dir)); err != nil { // the folder may be new, and its parent another user's
		e.log.Debug("the folder around the data folder was not synced", zap.Error(err))
	}
	err = mend(dir, e.log)
	if err == nil {
		err = e.start()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return e, nil
}

func (e *embedded) start() (err error) {
	e.server, err = server.NewServer(&server.Options{
		ServerName: "credenza", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: e.dir,
		JetStreamMaxStore: maxStore, JetStreamMaxMemory: maxMemory,
		MaxPayload: maxPayload, DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("set the embedded NATS server up: %w", err)
	}
	e.server.SetLoggerV2(natsLog{e.log}, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(startTime) || !e.server.JetStreamEnabled() {
		e.server.Shutdown()
		e.server.WaitForShutdown()
		return fmt.Errorf("what is stored in the data folder %s cannot be opened: check that it is writable and the disk not full, or name another folder in data-dir", e.dir)
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.reviver.Go(func() { e.revive(ctx) })
	e.reviver.Go(func() { e.disk.watch(ctx) })
	return nil
}

// revive restarts the server once a full disk has room again. The server refuses
// messages for a stream that it could not write to until it is restarted.
func (e *embedded) revive(ctx context.Context) {
	failing := false
	for range catalog.Every(ctx, reviveEvery) {
		state := e.writeError()
		e.full.Store(state != "")
		if state == "" || e.disk.lostErr() != nil { // a lost folder cannot be opened again
			failing = false
			continue
		}
		if !failing { // once may be a false alarm
			failing = true
			continue
		}
		if err := e.reopen(); err != nil {
			e.log.Warn("the data folder is full or cannot be written: jobs wait, and the cache is not kept",
				zap.String("state", state), zap.Error(err))
			continue
		}
		failing = false
		e.full.Store(false)
		e.log.Info("the data folder is in use again", zap.String("before", state))
	}
}

// writeError returns why the server cannot write, empty if it can. It ignores other
// reasons of the server's health check, such as a stream that is being created.
func (e *embedded) writeError() string {
	if !e.server.JetStreamEnabled() {
		return "JetStream is off"
	}
	if health := e.server.Healthz(&server.HealthzOptions{}); strings.Contains(health.Error, "write error") {
		return health.Error
	}
	return ""
}

// reopen restarts the server on the stored data, if the disk has room.
func (e *embedded) reopen() error {
	if err := probe(e.dir); err != nil {
		return err
	}
	if e.server.JetStreamEnabled() {
		if err := e.server.ShutdownJetStream(); err != nil {
			return err
		}
	}
	return e.server.EnableJetStream(&server.JetStreamConfig{StoreDir: e.dir, MaxStore: maxStore, MaxMemory: maxMemory})
}

// probeBytes is the free space that a full disk must have before a restart.
const probeBytes = 16 << 20

// probeName is the file that probe writes.
const probeName = "probe"

// probe returns an error if the folder has no room for probeBytes.
func probe(dir string) error {
	name := filepath.Join(dir, probeName)
	err := os.WriteFile(name, make([]byte, probeBytes), 0o600)
	return errors.Join(err, os.Remove(name))
}

// InProcessConn opens a connection, for nats.InProcessServer.
func (e *embedded) InProcessConn() (net.Conn, error) { return e.server.InProcessConn() }

func (e *embedded) close() {
	e.stop()
	e.reviver.Wait()
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.rounds.close()
	if err := e.disk.sync(); err != nil {
		e.log.Warn("the last stored messages may not be on disk", zap.Error(err))
	}
	if err := e.lock.Unlock(); err != nil {
		e.log.Warn("the data folder stays locked until the process ends", zap.Error(err))
	}
}

// natsLog logs the embedded server's messages.
type natsLog struct{ log *zap.Logger }

// Noticef does nothing.
func (natsLog) Noticef(string, ...any) {}

// Debugf does nothing.
func (natsLog) Debugf(string, ...any) {}

// Tracef does nothing.
func (natsLog) Tracef(string, ...any) {}

// Warnf writes a warning.
func (l natsLog) Warnf(format string, args ...any) {
	l.log.Warn("NATS: " + fmt.Sprintf(format, args...))
}

// Errorf writes an error.
func (l natsLog) Errorf(format string, args ...any) {
	l.log.Error("NATS: " + fmt.Sprintf(format, args...))
}

// Fatalf writes an error and does not end the process.
func (l natsLog) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
