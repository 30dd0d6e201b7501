package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"

	"github.com/credenza-dev/credenza/internal/fault"
)

// logInterceptors log one line at the end of each call: what was called, by whom,
// the code, the time, and for a failure its public text and its cause. Nothing of
// a message's content is in it.
func logInterceptors(log *zap.Logger) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	options := []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithDisableLoggingFields(logging.SystemTag[0], logging.ComponentFieldKey),
		logging.WithFieldsFromContext(callerFields),
		logging.WithErrorFields(causeFields),
		logging.WithDurationField(millis),
	}
	logger := logging.LoggerFunc(func(_ context.Context, level logging.Level, message string, fields ...any) {
		if entry := log.Check(zapLevel(level), message); entry != nil {
			entry.Write(zapFields(fields)...)
		}
	})
	return logging.UnaryServerInterceptor(logger, options...), logging.StreamServerInterceptor(logger, options...)
}

// callerFields name the caller and the trace as the engine's own lines do.
func callerFields(ctx context.Context) logging.Fields {
	fields := logging.Fields{"caller", identityOf(ctx).Caller().ID}
	if id := traceOf(ctx); id != "" {
		fields = append(fields, "trace_id", id)
	}
	return fields
}

// millis keeps the time a number, which the library's own field is not.
func millis(d time.Duration) logging.Fields {
	return logging.Fields{"grpc.time_ms", float64(d.Microseconds()) / 1000}
}

func causeFields(err error) logging.Fields {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok {
		return nil
	}
	fields := logging.Fields{"reason", f.Reason.String()}
	if cause := f.Unwrap(); cause != nil {
		fields = append(fields, "cause", cause.Error())
	}
	return fields
}

// zapLevel converts a level of slog, of which there is one in four numbers.
func zapLevel(level logging.Level) zapcore.Level { return zapcore.Level(level / logging.LevelWarn) }

func zapFields(fields logging.Fields) []zap.Field {
	out := make([]zap.Field, 0, len(fields)/2)
	for i := fields.Iterator(); i.Next(); {
		key, value := i.At()
		out = append(out, zap.Any(key, value))
	}
	return out
}
