package rpc

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// record is what is known of a call's caller. auth fills it in on its way in, the
// log reads it on the way out, both on the handler's goroutine.
type record struct {
	id         string // unique in the process
	name       string // the token's; empty without one
	connection string // that the call came by; empty: not known
	all        bool   // may see what is others'
}

type recordKey struct{}

// recorder begins a record for each call.
type recorder struct{ calls atomic.Int64 }

func (r *recorder) around(ctx context.Context, _ string, next func(context.Context) error) error {
	return next(context.WithValue(ctx, recordKey{}, r.begin(localAddr(ctx))))
}

func (r *recorder) begin(local net.Addr) *record {
	// No token's name has a colon, so none of them can be taken for this.
	return &record{id: "call:" + strconv.FormatInt(r.calls.Add(1), 10), connection: connectionOf(local)}
}

func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return &record{}
}

// callerOf is who shares one turn at the model: all calls with one token, else
// each call alone. What they may have waiting is bounded for each token, else for
// each connection.
func callerOf(ctx context.Context) catalog.Caller { return recordOf(ctx).caller() }

func (rec *record) caller() catalog.Caller {
	if rec.name != "" {
		return catalog.Caller{ID: rec.name}
	}
	return catalog.Caller{ID: rec.id, Connection: rec.connection}
}

// localAddr is this end of the connection that a call over gRPC came by, or nil.
func localAddr(ctx context.Context) net.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		return p.LocalAddr
	}
	return nil
}

// ownerOf is whose jobs a caller makes and sees: with tokens its own, and with the
// scope operate everybody's; without tokens nobody is told from anybody else.
func ownerOf(ctx context.Context) catalog.Owner {
	rec := recordOf(ctx)
	return catalog.Owner{Name: rec.name, All: rec.all}
}

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

// callerFields name the caller as the engine's own lines do.
func callerFields(ctx context.Context) logging.Fields {
	return logging.Fields{"caller", callerOf(ctx).ID}
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

func zapLevel(level logging.Level) zapcore.Level {
	switch {
	case level >= logging.LevelError:
		return zapcore.ErrorLevel
	case level >= logging.LevelWarn:
		return zapcore.WarnLevel
	case level >= logging.LevelInfo:
		return zapcore.InfoLevel
	default:
		return zapcore.DebugLevel
	}
}

func zapFields(fields logging.Fields) []zap.Field {
	out := make([]zap.Field, 0, len(fields)/2)
	for i := fields.Iterator(); i.Next(); {
		key, value := i.At()
		out = append(out, zap.Any(key, value))
	}
	return out
}
