package app

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns a logger that writes to w, and the level that changes it at
// run time.
func newLogger(level, format string, w io.Writer) (*zap.Logger, zap.AtomicLevel, error) {
	atomic, err := zap.ParseAtomicLevel(level)
	if err != nil {
		return nil, atomic, fmt.Errorf("log-level: %w", err)
	}
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(c)
	if format == "console" {
		encoder = zapcore.NewConsoleEncoder(c)
	}
	// A call with 100,000 bad items must not write as many lines: of lines with the
	// same text, a second has a thousand, and then every hundredth. Metrics count
	// them all.
	core := zapcore.NewSamplerWithOptions(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), atomic),
		time.Second, 1000, 100)
	return zap.New(core, zap.ErrorOutput(zapcore.Lock(zapcore.AddSync(w)))), atomic, nil
}
