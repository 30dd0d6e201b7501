package rpc

import (
	"cmp"
	"context"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// AuditLogger is the name of the logger that writes the audit, of which no line may be
// left out.
const AuditLogger = "audit"

type auditKey struct{}

// auditor writes a line for each call of OperationsService, refused ones included.
type auditor struct{ log *zap.Logger }

// around is an interceptor that writes the line: which caller did what, from where, and
// with which outcome. Changes and refusals are warnings, so that a log level that leaves
// reading out keeps them.
func (a auditor) around(ctx context.Context, method string, next func(context.Context) error) error {
	if serviceOf(method) != credenzav1.OperationsService_ServiceDesc.ServiceName {
		return next(ctx)
	}
	const message = "audit: operating call"
	before := a.log.Check(zapcore.WarnLevel, message) // the call may raise the level above its line
	var changes []zap.Field
	err := next(context.WithValue(ctx, auditKey{}, &changes))
	level, other := zapcore.InfoLevel, (*zapcore.CheckedEntry)(nil)
	if err != nil || len(changes) > 0 {
		level, other = zapcore.WarnLevel, before
	}
	line := cmp.Or(a.log.Check(level, message), other)
	fields := []zap.Field{
		zap.String("by", callerOf(ctx).ID), zap.String("method", method),
		zap.Stringer("outcome", status.Code(err)),
	}
	if p, ok := peer.FromContext(ctx); ok {
		fields = append(fields, zap.Stringer("from", p.Addr))
	}
	if id := traceOf(ctx); id != "" {
		fields = append(fields, zap.String("trace_id", id))
	}
	line.Write(append(fields, changes...)...)
	return err
}

// auditChange notes for the line what a call is to change.
func auditChange(ctx context.Context, setting string, value any) {
	if changes, ok := ctx.Value(auditKey{}).(*[]zap.Field); ok {
		*changes = append(*changes, zap.Any(setting, value))
	}
}
