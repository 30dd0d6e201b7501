package credenza

import (
	"time"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Notice is a server's message on the progress of a stream, for people who wait for it.
type Notice struct {
	// Kind is NoticeUpstreamAway, NoticeUpstreamBack, or one that is newer than this
	// client.
	Kind string
	// Message is a line for people, such as "the model at llm.internal:8080 does not
	// answer (connection refused), trying on".
	Message string
	Outage  Outage
}

// The kinds of notices.
const (
	// NoticeUpstreamAway: the model's server has not answered for 2 s.
	NoticeUpstreamAway = "UPSTREAM_AWAY"
	// NoticeUpstreamBack: it answers again.
	NoticeUpstreamBack = "UPSTREAM_BACK"
)

// Outage is a server of a model that does not answer.
type Outage struct {
	// Host is the server's host, with the port if its address has one.
	Host string
	// Cause is how the last call failed, in a few words.
	Cause string
	// Since is the start of the first failed call, LastAttempt the end of the last one.
	Since, LastAttempt time.Time
}

// OnNotice sets a function that the iteration calls for each notice, on its own goroutine.
// Without it, notices are ignored. It must be set before the iteration begins.
func (s *Stream) OnNotice(f func(Notice)) { s.onNotice = f }

// OnNotice sets a function that the iteration calls for each notice, on its own goroutine.
// Without it, notices are ignored. It must be set before the iteration begins. Notices are about
// the model's server; WatchNotify is about the service.
func (w *Watch) OnNotice(f func(Notice)) { w.stream.OnNotice(f) }

func noticeFromProto(p *credenzav1.Notice) Notice {
	n := Notice{Kind: enumName(p.GetKind().String(), "NOTICE_KIND_"), Message: p.GetMessage()}
	if o := outageFromProto(p.GetOutage()); o != nil {
		n.Outage = *o
	}
	return n
}

// outageFromProto returns nil for nil.
func outageFromProto(p *credenzav1.Outage) *Outage {
	if p == nil {
		return nil
	}
	return &Outage{
		Host: p.GetHost(), Cause: p.GetCause(),
		Since: timeFromProto(p.GetStartTime()), LastAttempt: timeFromProto(p.GetLastAttemptTime()),
	}
}
