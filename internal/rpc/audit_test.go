package rpc_test

import (
	"context"
	"testing"

	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc/metadata"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestAudit_HasALineForEachOperatingCall(t *testing.T) {
	s := start(t, setup{tokens: testTokens(t)})
	conn := s.raw(t)
	operations := credenzav1.NewOperationsServiceClient(conn)
	as := func(token string) context.Context {
		return metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	}
	workers := int32(7)
	_, _ = operations.GetStatus(as("operator-token"), &credenzav1.GetStatusRequest{})
	_, _ = operations.UpdateSettings(as("operator-token"), &credenzav1.UpdateSettingsRequest{MaxWorkers: &workers})
	_, _ = operations.UpdateSettings(as("shop-token"), &credenzav1.UpdateSettingsRequest{MaxWorkers: &workers})
	_ = methods["classify"](as("shop-token"), conn)
	type line struct{ By, Method, Outcome, MaxWorkers any }
	var got []line
	for _, entry := range s.logs.FilterMessage("audit: operating call").All() {
		fields := entry.ContextMap()
		got = append(got, line{fields["by"], fields["method"], fields["outcome"], fields["max_workers"]})
		if from, ok := fields["from"].(string); !ok || from == "" {
			t.Errorf("the line does not say from where: %v", fields)
		}
		if quiet := entry.Level == zapcore.InfoLevel; quiet != (len(got) == 1) {
			t.Errorf("line %d has the level %v", len(got), entry.Level)
		}
	}
	const service = "/credenza.v1.OperationsService/"
	equal(t, []line{
		{"operator", service + "GetStatus", "OK", nil},
		{"operator", service + "UpdateSettings", "OK", int64(7)},
		{"shop", service + "UpdateSettings", "PermissionDenied", nil},
	}, got)
}

func TestAudit_HasALineForACallThatSilencesTheLog(t *testing.T) {
	s := start(t, setup{tokens: testTokens(t)})
	operations := credenzav1.NewOperationsServiceClient(s.raw(t))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer operator-token")
	for _, level := range []credenzav1.LogLevel{credenzav1.LogLevel_LOG_LEVEL_ERROR, credenzav1.LogLevel_LOG_LEVEL_INFO} {
		if _, err := operations.UpdateSettings(ctx, &credenzav1.UpdateSettingsRequest{LogLevel: &level}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.logs.FilterMessage("audit: operating call").FilterFieldKey("log_level").Len(); n != 2 {
		t.Errorf("the log has %d lines of two changes of its level", n)
	}
}
