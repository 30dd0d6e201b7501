package app

import (
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc"
)

// What is remembered of the log.
const (
	maxRecent      = 20
	maxFieldsBytes = 2 << 10
	maxTextBytes   = 1 << 10
)

// recentLines are the last warnings and errors of the log. It is safe for concurrent use.
type recentLines struct {
	mu    sync.Mutex
	lines []rpc.LogLine // the oldest first
}

func (r *recentLines) add(line rpc.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) == maxRecent {
		r.lines = slices.Delete(r.lines, 0, 1)
	}
	r.lines = append(r.lines, line)
}

func (r *recentLines) newestFirst() []rpc.LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := slices.Clone(r.lines)
	slices.Reverse(lines)
	return lines
}

// recentCore is the log's way into recentLines. What a line shows is what the log shows.
type recentCore struct {
	recent *recentLines
	fields zapcore.Encoder
	level  zap.AtomicLevel // of the log
}

// fieldEncoder writes the fields of a line alone.
func fieldEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		SkipLineEnding: true, EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeDuration: zapcore.StringDurationEncoder,
	})
}

// Enabled reports whether lines of the level are remembered.
func (c recentCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && c.level.Enabled(level)
}

// With returns a core that adds the fields to each line.
func (c recentCore) With(fields []zapcore.Field) zapcore.Core {
	c.fields = c.fields.Clone()
	for i := range fields {
		fields[i].AddTo(c.fields)
	}
	return c
}

// Check adds the core to a line that is remembered.
func (c recentCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write remembers a line.
func (c recentCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	encoded, err := c.fields.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer encoded.Free()
	text := encoded.String() // which the buffer does not share
	c.recent.add(rpc.LogLine{
		Time: e.Time, Level: e.Level, Message: strings.Clone(catalog.Clip(e.Message, maxTextBytes)), Fields: strings.Clone(catalog.Clip(text, maxFieldsBytes)),
	})
	return nil
}

// Sync does nothing: nothing is written.
func (recentCore) Sync() error { return nil }
