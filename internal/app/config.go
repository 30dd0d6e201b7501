package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// Backends that CREDENZA_BACKEND names.
const (
	backendAuto    = "auto"
	backendOpenAI  = "openai"
	backendOffline = "offline"
)

const defaultBaseURL = "https://api.openai.com/v1"

// Config is every setting of the service. Each has one name in three forms, as
// the tags of the fields say: a flag, an environment variable, and a key of the
// YAML file, which is the flag's name with underscores. A flag wins over the
// environment, and that over the file.
type Config struct {
	APIKeys Keys     `name:"openai-api-key" env:"OPENAI_API_KEY" placeholder:"KEY,..." help:"One API key, or several with commas. Prefer the environment: others can read a command line."`
	BaseURL string   `name:"openai-base-url" env:"OPENAI_BASE_URL" placeholder:"URL" help:"An OpenAI-compatible server (default: https://api.openai.com/v1). Without a key, calls carry none."`
	Model   string   `name:"openai-model" env:"OPENAI_MODEL" default:"gpt-6-luna" help:"The model that is asked."`
	Models  []string `name:"models" env:"CREDENZA_MODELS" placeholder:"MODEL" help:"Further models that callers may ask for."`

	Provider  string  `name:"provider" env:"CREDENZA_PROVIDER" placeholder:"NAME" help:"The provider of the server, if its address does not show it: openai, azure, gemini, anthropic, mistral, groq, openrouter, deepseek, ollama, llama.cpp, vllm, lmstudio or litellm."`
	Profile   Profile `name:"profile" env:"CREDENZA_PROFILE" placeholder:"YAML" help:"How servers are asked, see docs/models.md. What is not set is learned."`
	MaxOutput int     `name:"max-output-tokens" env:"CREDENZA_MAX_OUTPUT_TOKENS" default:"8000" help:"The most tokens that one answer may get, reasoning included."`

	Backend  string `name:"backend" env:"CREDENZA_BACKEND" default:"auto" placeholder:"auto|openai|offline" help:"What answers: a model (openai) or the built-in classifier (offline). auto: openai if a key or a base URL is set, else offline."`
	Fallback string `name:"fallback" env:"CREDENZA_FALLBACK" default:"none" placeholder:"none|offline" help:"What answers items that the model cannot answer."`

	GRPCAddr     string        `name:"grpc-addr" env:"CREDENZA_GRPC_ADDR" default:"127.0.0.1:50051" placeholder:"ADDRESS" help:"Where gRPC is served: HOST:PORT, or unix:///PATH."`
	HTTPAddr     string        `name:"http-addr" env:"CREDENZA_HTTP_ADDR" default:"127.0.0.1:8000" placeholder:"ADDRESS" help:"Where HTTP is served, HOST:PORT or unix:///PATH: the compatible endpoint, the services as JSON, Connect and gRPC-Web, metrics and probes."`
	AdminAddr    string        `name:"admin-addr" env:"CREDENZA_ADMIN_ADDR" placeholder:"ADDRESS" help:"Where profiles (pprof), channelz and gRPC's admin services are served: unix:///PATH, or HOST:PORT on loopback. Unset: they are not served."`
	CORSOrigins  []string      `name:"cors-origins" env:"CREDENZA_CORS_ORIGINS" default:"*" placeholder:"ORIGIN" help:"Whose web pages may call the HTTP address, such as https://shop.example. *: all; none: only its own."`
	WriteTimeout time.Duration `name:"http-write-timeout" env:"CREDENZA_HTTP_WRITE_TIMEOUT" default:"10m" help:"How long a caller, over gRPC too, may read nothing while results wait for it; then it is disconnected."`
	TLSCert      string        `name:"tls-cert" env:"CREDENZA_TLS_CERT" placeholder:"FILE" help:"The server's certificate, PEM."`
	TLSKey       string        `name:"tls-key" env:"CREDENZA_TLS_KEY" placeholder:"FILE" help:"The certificate's key, PEM."`
	TLSClientCA  string        `name:"tls-client-ca" env:"CREDENZA_TLS_CLIENT_CA" placeholder:"FILE" help:"Callers must show a certificate of this authority, PEM."`
	Insecure     bool          `name:"insecure" env:"CREDENZA_INSECURE" help:"Serve without TLS on addresses other than loopback."`
	TokenFile    string        `name:"token-file" env:"CREDENZA_TOKEN_FILE" placeholder:"FILE" help:"Bearer tokens (hashed) with names and scopes. Callers then need one, or a client certificate with such a name."`
	MaxItems     int           `name:"max-items" env:"CREDENZA_MAX_ITEMS" default:"100000" help:"The most items of one ClassifyStream call, and rows of a request over HTTP."`
	MaxMessage   int           `name:"max-message-mib" env:"CREDENZA_MAX_MESSAGE_MIB" default:"64" help:"The largest message or request body that is accepted, in MiB."`
	MaxUpload    int           `name:"max-upload-bytes" env:"CREDENZA_MAX_UPLOAD_BYTES" default:"268435456" help:"The largest file that can be uploaded to be made a job, in bytes."`
	MaxIntake    int           `name:"max-intake-mib" env:"CREDENZA_MAX_INTAKE_MIB" default:"0" help:"Bytes that have arrived and are not handled yet, from all callers together, in MiB. 0: four times --max-message-mib, so 256."`
	MaxConns     int           `name:"max-connections" env:"CREDENZA_MAX_CONNECTIONS" default:"0" help:"The most connections that may be open, on both addresses together. One machine has at most as many as are left free. 0: half of the process's file descriptors, up to 10,000."`
	DrainTimeout time.Duration `name:"drain-timeout" env:"CREDENZA_DRAIN_TIMEOUT" default:"30s" help:"How long running calls may go on after SIGTERM."`

	TextBatchSize  int           `name:"text-batch-size" env:"TEXT_BATCH_SIZE" default:"10" help:"Results in a batch of texts."`
	ImageBatchSize int           `name:"image-batch-size" env:"IMAGE_BATCH_SIZE" default:"5" help:"Results in a batch of pictures."`
	FlushDelay     time.Duration `name:"flush-delay" env:"CREDENZA_FLUSH_DELAY" default:"100ms" help:"How long a result waits for its batch to fill, as completed."`
	MaxWorkers     int           `name:"max-workers" env:"CREDENZA_MAX_WORKERS" default:"0" help:"Calls to the model at once, fixed. 0: adapts, up to 256."`
	KeyGroups      KeyGroups     `name:"key-groups" env:"CREDENZA_KEY_GROUPS" placeholder:"YAML" help:"Keys by quota group, see docs/configuration.md. Instead of --openai-api-key."`
	QueueLimit     int           `name:"queue-limit" env:"CREDENZA_QUEUE_LIMIT" default:"10000" help:"Questions of each priority that wait for the model before new calls are refused."`
	BulkShare      float64       `name:"bulk-share" env:"CREDENZA_BULK_SHARE" default:"0.1" help:"The part of the calls to the model that bulk gets while interactive calls wait too."`
	HedgeShare     float64       `name:"hedge-share" env:"CREDENZA_HEDGE_SHARE" default:"0" help:"The part of the calls to the model that may be sent a second time to overtake a straggler. 0: none."`
	AttemptTimeout time.Duration `name:"attempt-timeout" env:"CREDENZA_ATTEMPT_TIMEOUT" default:"0s" help:"How long one call to the model may take. 0: up to the item's time until the server has answered once, then 30s or three times the slowest answer, and from 100 answers on five times their 99th percentile."`
	ReviewBelow    float64       `name:"review-below" env:"CREDENZA_REVIEW_BELOW" default:"0.5" help:"The confidence under which a result needs review."`
	ImageMaxBytes  int           `name:"image-max-bytes" env:"CREDENZA_IMAGE_MAX_BYTES" default:"10000000" help:"The largest picture or page that is accepted, in bytes."`
	ImageDetail    string        `name:"image-detail" env:"CREDENZA_IMAGE_DETAIL" default:"auto" placeholder:"auto|low|high" help:"The detail in which the model sees pictures."`
	ImageFit       int           `name:"image-fit" env:"CREDENZA_IMAGE_FIT" default:"0" placeholder:"PIXELS" help:"Pictures are shrunk to fit a square of so many pixels a side. 0: 768, at the detail low 512."`
	ImageTimeout   time.Duration `name:"image-timeout" env:"CREDENZA_IMAGE_TIMEOUT" default:"15s" help:"How long a shop may take for a picture or page."`
	ImageHostRate  float64       `name:"image-host-rate" env:"CREDENZA_IMAGE_HOST_RATE" default:"0" help:"Requests a second to a shop. 0: no limit but 4 at once."`
	ImageAllow     []string      `name:"image-allow" env:"CREDENZA_IMAGE_ALLOW" placeholder:"NETWORK|HOST" help:"Networks or hosts that pictures may come from although they are private, on every port."`
	Taxonomy       string        `name:"taxonomy" env:"CREDENZA_TAXONOMY" placeholder:"FILE" help:"A taxonomy of your own, YAML (default: furniture, built in)."`

	DataDir      string        `name:"data-dir" env:"CREDENZA_DATA_DIR" placeholder:"FOLDER" help:"Where answers and jobs are kept, for one process alone (default: credenza in the user's data folder)."`
	NATSURL      Servers       `name:"nats-url" env:"CREDENZA_NATS_URL" placeholder:"URL,..." help:"A NATS cluster with JetStream that keeps answers and jobs for all replicas. Instead of --data-dir."`
	NATSReplicas int           `name:"nats-replicas" env:"CREDENZA_NATS_REPLICAS" default:"0" help:"The number of the cluster's servers that keep them, up to 5. 0: 3."`
	CacheMemory  int           `name:"cache-memory-mib" env:"CREDENZA_CACHE_MEMORY_MIB" default:"64" help:"Memory for answers, in MiB. 0: there is no cache at all, not on disk either, and equal items share nothing."`
	CacheMax     int           `name:"cache-max-mib" env:"CREDENZA_CACHE_MAX_MIB" default:"1024" help:"Disk space for answers, in MiB; the oldest are deleted first. 0: none is kept there."`
	CacheAge     time.Duration `name:"cache-age" env:"CREDENZA_CACHE_AGE" default:"720h" help:"How long an answer is used again."`
	CacheURLAge  time.Duration `name:"cache-url-age" env:"CREDENZA_CACHE_URL_AGE" default:"24h" help:"How long an answer is used again without another download of its picture. 0: never."`

	JobsMax  int           `name:"jobs-max-mib" env:"CREDENZA_JOBS_MAX_MIB" default:"4096" help:"Disk space for jobs, in MiB. Ended ones are deleted first, the oldest before the others."`
	Sync     SyncTime      `name:"sync" env:"CREDENZA_SYNC" placeholder:"TIME|always" help:"How soon results of jobs are on disk, in data-dir (default: 1s). always: before they count as stored. A job and its end are on disk before they are reported."`
	JobsKeep time.Duration `name:"jobs-keep" env:"CREDENZA_JOBS_KEEP" default:"168h" help:"How long a job that has ended is kept."`

	ReviewMemory int `name:"review-memory-mib" env:"CREDENZA_REVIEW_MEMORY_MIB" default:"256" help:"Memory for the results of jobs under review, in MiB: 256 are enough for 500,000 results."`

	LogLevel  string `name:"log-level" env:"CREDENZA_LOG_LEVEL" default:"info" placeholder:"debug|info|warn|error" help:"The least severity that is logged."`
	LogFormat string `name:"log-format" env:"CREDENZA_LOG_FORMAT" default:"auto" placeholder:"auto|json|console" help:"How log lines are written to standard error. auto: for people on a terminal, else JSON."`

	File string `name:"config" env:"CREDENZA_CONFIG" placeholder:"FILE" help:"A YAML file with settings, named as the flags with underscores."`
}

// backend returns the backend in use: backendOpenAI or backendOffline.
func (c *Config) backend() string {
	switch {
	case c.Backend != backendAuto:
		return c.Backend
	case len(c.APIKeys.secrets) > 0 || len(c.KeyGroups.groups) > 0 || c.BaseURL != "":
		return backendOpenAI
	default:
		return backendOffline
	}
}

// Offline reports whether the built-in classifier answers, and no model.
func (c *Config) Offline() bool { return c.backend() == backendOffline }

// intakeParts is how many of the largest messages there has to be room for: a single
// caller has half of the room, for one that arrives and one that is handled.
const intakeParts = 4

// intakeBytes returns how many bytes may have arrived and not be handled yet.
func (c *Config) intakeBytes() int64 {
	if c.MaxIntake > 0 {
		return int64(c.MaxIntake) << 20
	}
	return intakeParts * int64(max(c.MaxMessage, 16)) << 20
}

func (c *Config) baseURL() string {
	if c.BaseURL == "" {
		return defaultBaseURL
	}
	return c.BaseURL
}

// Keys are API keys, which print as their last four characters.
type Keys struct{ secrets []upstream.Secret }

// NewKeys returns the keys with the given values; empty ones are left out.
func NewKeys(values ...string) Keys {
	var k Keys
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			k.secrets = append(k.secrets, upstream.NewSecret(v))
		}
	}
	return k
}

// UnmarshalText reads keys separated by commas.
func (k *Keys) UnmarshalText(text []byte) error {
	*k = NewKeys(strings.Split(string(text), ",")...)
	return nil
}

// Format writes the masked keys, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, k.secrets) }
