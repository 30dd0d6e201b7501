package tracing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.uber.org/zap"
)

// The variables that are read here. All others are read by the SDK.
const (
	disabledVariable = "OTEL_SDK_DISABLED"
	exporterVariable = "OTEL_TRACES_EXPORTER"
)

// ofOTLP returns the value of a variable of the exporter: that for traces, else that for all.
func ofOTLP(name string) (variable, value string) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if value := os.Getenv(variable); value != "" {
			return variable, value
		}
	}
	return "OTEL_EXPORTER_OTLP_" + name, ""
}

// wanted reports whether the variables ask for traces.
func wanted() (bool, error) {
	_, endpoint := ofOTLP("ENDPOINT")
	switch name := strings.ToLower(os.Getenv(exporterVariable)); {
	case strings.EqualFold(os.Getenv(disabledVariable), "true"), name == "none":
		return false, nil
	case name == "":
		return endpoint != "", nil
	case name == "otlp":
		return true, nil
	default:
		return false, fmt.Errorf("%s is %q: give otlp or none", exporterVariable, name)
	}
}

// Open returns a Tracer as the variables say, nil if they ask for none. An error names the
// variable that is wrong, and not its value, which may be secret.
func Open(ctx context.Context, config Config) (*Tracer, error) {
	on, err := wanted()
	if config.Exporter == nil && (err != nil || !on) {
		return nil, err
	}
	if err := checkNumbers(); err != nil {
		return nil, err
	}
	complaints := hearComplaints()
	if config.Exporter == nil {
		if config.Exporter, err = newExporter(ctx); err != nil {
			return nil, err
		}
	}
	about, err := describe(ctx, config.Version)
	if err != nil {
		return nil, err
	}
	// Without the SDK's own default for baggage: nothing reads it, and the SDK logs what of it cannot
	// be parsed, in a caller's words.
	t := newTracer(config, autoprop.NewTextMapPropagator(propagation.TraceContext{}), about)
	if err := complaints.end(config); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Describe checks the variables as Open does, and returns where traces go, for people: nothing
// of it is secret.
func Describe(ctx context.Context) (string, error) {
	t, err := Open(ctx, Config{Log: zap.NewNop()})
	if err != nil || t == nil {
		return "off", err
	}
	t.Close()
	protocol, _ := protocol() // it was checked
	host := "localhost"
	if _, endpoint := ofOTLP("ENDPOINT"); endpoint != "" {
		u, _ := url.Parse(endpoint) // it was checked
		host = u.Host
	}
	return "OTLP, " + protocol + ", to " + host, nil
}

const (
	overGRPC = "grpc"
	overHTTP = "http/protobuf"
)

// protocol returns how spans are sent; http/protobuf if no variable says.
func protocol() (string, error) {
	switch variable, name := ofOTLP("PROTOCOL"); name {
	case "", overHTTP:
		return overHTTP, nil
	case overGRPC:
		return overGRPC, nil
	default:
		return "", fmt.Errorf("%s is %q: give %s or %s", variable, name, overGRPC, overHTTP)
	}
}

func newExporter(ctx context.Context) (Exporter, error) {
	if err := checkEndpoint(); err != nil {
		return nil, err
	}
	if err := checkCompression(); err != nil {
		return nil, err
	}
	p, err := protocol()
	if err != nil {
		return nil, err
	}
	var e Exporter
	if p == overGRPC {
		e, err = otlptracegrpc.New(ctx)
	} else {
		e, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return nil, errors.New("the exporter of traces cannot be created: correct the OTEL_EXPORTER_OTLP_ variables")
	}
	return e, nil
}

// checkEndpoint refuses an address that the exporter would not understand, which it would
// replace by its own.
func checkEndpoint() error {
	variable, endpoint := ofOTLP("ENDPOINT")
	if endpoint == "" {
		return nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s is not an address: give one such as http://localhost:4318", variable)
	}
	return nil
}

// checkCompression refuses a name that the exporter does not know, which would mean none.
func checkCompression() error {
	switch variable, name := ofOTLP("COMPRESSION"); name {
	case "", "gzip", "none":
		return nil
	default:
		return fmt.Errorf("%s is not a compression: give gzip or none", variable)
	}
}

// describe returns what spans say of the process: its name and version, a name of its own among
// replicas, and what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say. The command line is
// no part of it.
func describe(ctx context.Context, version string) (*resource.Resource, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "credenza"), attribute.String("service.version", version),
			attribute.String("service.instance.id", rand.Text()),
		),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv(),
	)
	if err != nil {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES cannot be read: give key=value pairs with commas")
	}
	return about, nil
}

// complaints are what the SDK says of the variables that it reads. It says that to the whole
// process and goes on with its defaults, but a wrong setting stops the start.
type complaints struct {
	mu    sync.Mutex
	first string
	ended bool
}

func hearComplaints() *complaints {
	c := &complaints{}
	otel.SetLogger(logr.New(c))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Error(nil, err.Error()) }))
	return c
}

// end returns the first complaint as an error. From now on complaints go to the log.
func (c *complaints) end(config Config) error {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		config.Log.Warn("OpenTelemetry reports an error", zap.String("cause", config.publicError(err)))
	}))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.first == "" {
		return nil
	}
	return fmt.Errorf("an OTEL_ variable is wrong (%s): correct it", c.first)
}

// Init is for logr.LogSink.
func (c *complaints) Init(logr.RuntimeInfo) {}

// Enabled is for logr.LogSink.
func (c *complaints) Enabled(int) bool { return false }

// Info is for logr.LogSink.
func (c *complaints) Info(int, string, ...any) {}

// WithValues is for logr.LogSink.
func (c *complaints) WithValues(...any) logr.LogSink { return c }

// WithName is for logr.LogSink.
func (c *complaints) WithName(string) logr.LogSink { return c }

// Error keeps the first complaint, without the error and the values, which may be secret.
func (c *complaints) Error(_ error, message string, _ ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == "" && !c.ended {
		c.first = message
	}
}

var anyURL = regexp.MustCompile(`\w+://[^\s"]+`)

// minSecret is the least length of what is taken for a secret.
const minSecret = 6

// maxErrorText bounds what is shown of a collector's words.
const maxErrorText = 300

// publicError returns an error's text without addresses and the values of headers, which may
// be secret.
func (Config) publicError(err error) string {
	text := anyURL.ReplaceAllString(err.Error(), "the collector")
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for pair := range strings.SplitSeq(os.Getenv(variable), ",") {
			_, value, _ := strings.Cut(pair, "=")
			value, _ = url.PathUnescape(strings.TrimSpace(value))
			for word := range strings.FieldsSeq(value) { // "Bearer TOKEN"
				if len(word) >= minSecret {
					text = strings.ReplaceAll(text, word, "...")
				}
			}
		}
	}
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "..."
	}
	return text
}
