package rpc

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/catalog"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func noticeToProto(n *catalog.Notice) *credenzav1.Notice {
	kind := credenzav1.NoticeKind_NOTICE_KIND_UPSTREAM_AWAY
	if n.Over {
		kind = credenzav1.NoticeKind_NOTICE_KIND_UPSTREAM_BACK
	}
	return &credenzav1.Notice{Kind: kind, Message: text(n.String()), Outage: outageToProto(&n.Outage)}
}

// outageToProto returns nil for nil.
func outageToProto(o *catalog.Outage) *credenzav1.Outage {
	if o == nil {
		return nil
	}
	return &credenzav1.Outage{
		Host: text(o.Host), Cause: text(o.Cause),
		StartTime: timestamppb.New(o.Since), LastAttemptTime: timestamppb.New(o.LastTry),
	}
}
