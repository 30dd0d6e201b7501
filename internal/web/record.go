package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/metric"
)

// endpoint answers one request and returns the caller's name and the call's error. The
// error is not written to the caller yet if nothing was.
type endpoint func(w *answer, r *http.Request) (caller string, err error)

// recorder logs and counts calls, as the gRPC edge does with its own.
type recorder struct {
	log    *zap.Logger
	traces Traces // nil: there are none
	count  *prometheus.CounterVec
	time   *prometheus.HistogramVec
	// maxBody is the most bytes that are read of a refused caller's body.
	maxBody int64
}

// callBuckets are in seconds, and the gRPC edge's.
var callBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}

func newRecorder(parts Parts, maxBody int64) (*recorder, error) {
	r := &recorder{
		log: parts.Log, traces: parts.Traces, maxBody: maxBody,
		count: metric.HTTPCalls.CounterVec(), time: metric.HTTPTime.HistogramVec(callBuckets),
	}
	for _, c := range []prometheus.Collector{r.count, r.time} {
		if err := parts.Metrics.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// calls answers a call's error, and logs one line at the call's end: path, caller,
// status, time, and for a failure its public text and its cause. Nothing of a body's
// content is in it.
func (rec *recorder) calls(serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := w.(*answer)
		if !ok {
			a = &answer{ResponseWriter: w, control: http.NewResponseController(w)}
		}
		began := time.Now()
		if rec.traces != nil {
			r = r.WithContext(rec.traces.Request(r))
		}
		caller, err := protect(serve, a, r)
		if err != nil && a.status == 0 {
			rec.readRest(r)
			writeError(a, err)
		}
		rec.finished(r, a.status, caller, err, time.Since(began))
	})
}

func (rec *recorder) readRest(r *http.Request) {
	if body, ok := r.Body.(*pacedBody); ok && r.Header.Get("Expect") == "" {
		body.readRest(rec.maxBody)
	}
}

// protect turns a panic into a fault.
func protect(serve endpoint, w *answer, r *http.Request) (caller string, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fault.Panicked(value)
		}
	}()
	return serve(w, r)
}

func (rec *recorder) finished(r *http.Request, status int, caller string, err error, took time.Duration) {
	result := "ok"
	fields := []zap.Field{
		zap.String("http.method", r.Method), zap.String("http.path", r.URL.Path), zap.Int("http.status", status),
		zap.Float64("http.time_ms", float64(took.Microseconds())/1000), zap.String("caller", caller), zap.String("peer.address", r.RemoteAddr),
	}
	level := zapcore.InfoLevel
	var f *fault.Fault
	if err != nil {
		f = faultOf(err)
		result = f.Reason.String()
		fields = append(fields, zap.String("error", f.Message), zap.String("reason", result))
		if cause := f.Unwrap(); cause != nil {
			fields = append(fields, zap.String("cause", cause.Error()))
		}
		if level = zapcore.WarnLevel; f.Kind() == fault.KindInternal {
			level = zapcore.ErrorLevel
		}
	}
	if rec.traces != nil {
		rec.traces.RequestDone(r.Context(), status, f)
		fields = append(fields, zap.String("trace_id", rec.traces.ID(r.Context())))
	}
	rec.count.WithLabelValues(r.URL.Path, strconv.Itoa(status), result).Inc()
	rec.time.WithLabelValues(r.URL.Path).Observe(took.Seconds())
	rec.log.Log(level, "finished call", fields...)
}

// panics answers for the other handlers if they panic, or cuts off an answer that has
// begun. Calls of the services have a recovery of their own, for their statuses.
func (rec *recorder) panics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(value)
			}
			f := fault.Panicked(value)
			rec.log.Error("a handler panicked", zap.String("http.path", r.URL.Path), zap.Error(f))
			if a, ok := w.(*answer); !ok || a.status != 0 {
				panic(http.ErrAbortHandler)
			}
			writeError(w, f)
		}()
		next.ServeHTTP(w, r)
	})
}
