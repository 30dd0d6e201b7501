package app

import (
	"fmt"
	"io"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/credenza-dev/credenza/internal/rpc"
)

// newLogger returns a logger that writes to w, the level that changes it at run time, and
// its last warnings.
func newLogger(level, format string, w io.Writer) (*zap.Logger, zap.AtomicLevel, *recentLines, error) {
	atomic, err := zap.ParseAtomicLevel(level)
	if err != nil {
		return nil, atomic, nil, fmt.Errorf("log-level: %w", err)
	}
	encoder := jsonEncoder()
	if format == "console" || format == "auto" && isTerminal(w) {
		encoder = consoleEncoder()
	}
	// A call with 100,000 bad items must not write as many lines: of lines with the
	// same text, a second has a thousand, and then every hundredth. Metrics count
	// them all.
	whole := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), atomic)
	core := sampled{zapcore.NewSamplerWithOptions(whole, time.Second, 1000, 100), whole}
	recent := &recentLines{}
	both := zapcore.NewTee(core, recentCore{recent, fieldEncoder(), atomic})
	return zap.New(both, zap.ErrorOutput(zapcore.Lock(zapcore.AddSync(w)))), atomic, recent, nil
}

// sampled writes a sample of the lines, and all lines of the audit.
type sampled struct {
	zapcore.Core
	whole zapcore.Core
}

// With returns a core that adds the fields to each line.
func (s sampled) With(fields []zapcore.Field) zapcore.Core {
	return sampled{s.Core.With(fields), s.whole.With(fields)}
}

// Check decides whether a line is written.
func (s sampled) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.LoggerName == rpc.AuditLogger {
		return s.whole.Check(e, checked)
	}
	return s.Core.Check(e, checked)
}

// jsonEncoder writes one JSON object per line.
func jsonEncoder() zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	return zapcore.NewJSONEncoder(c)
}

// consoleEncoder writes lines for people: the time of day, the level, the text, and
// then the fields.
func consoleEncoder() zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	c.EncodeDuration = zapcore.StringDurationEncoder
	c.EncodeLevel = zapcore.CapitalLevelEncoder
	c.ConsoleSeparator = "  "
	return zapcore.NewConsoleEncoder(c)
}

// isTerminal reports whether what is written to w is seen by a person.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
