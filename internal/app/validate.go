package app

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// wrongs are errors of settings.
type wrongs []error

// add adds an error about settings, whose names blanks separate.
func (w *wrongs) add(settings, format string, args ...any) {
	*w = append(*w, wrong(settings, format, args...))
}

// Validate returns a *WrongSetting for each setting that is wrong, joined, each in one
// line that names it and says what is right.
func (c *Config) Validate() error {
	var w wrongs
	for _, check := range []func(*wrongs){c.checkGroups, c.checkProfile, c.checkKeys, c.checkDuplicateKeys, c.checkChoices, c.checkNumbers, c.checkTimes, c.checkUpstream, c.checkAddresses, c.checkOrigins, c.checkStore} {
		check(&w)
	}
	return errors.Join(w...)
}

func (c *Config) checkChoices(w *wrongs) {
	for _, s := range []struct {
		name, value string
		choices     []string
	}{
		{"backend", c.Backend, []string{backendAuto, backendOpenAI, backendOffline}},
		{"fallback", c.Fallback, []string{"none", backendOffline}},
		{"image-detail", c.ImageDetail, []string{"auto", "low", "high"}},
		{"log-level", c.LogLevel, []string{"debug", "info", "warn", "error"}},
		{"log-format", c.LogFormat, []string{"auto", "json", "console"}},
	} {
		if !slices.Contains(s.choices, s.value) {
			w.add(s.name, "%s is %q: give one of %s", s.name, s.value, strings.Join(s.choices, ", "))
		}
	}
}

func (c *Config) allKeys() []upstream.Secret {
	keys := slices.Clone(c.APIKeys.secrets)
	for _, g := range c.KeyGroups.groups {
		for _, k := range g.Keys {
			keys = append(keys, k.Secret)
		}
	}
	return keys
}

// Bounds of what is asked of shops and sent to models.
const (
	maxFit      = 4096
	maxHostRate = 1_000_000
)

// checkKeys finds keys that no header can carry, as a file read with its line
// break gives.
func (c *Config) checkKeys(w *wrongs) {
	if len(c.APIKeys.secrets) > 0 && len(c.KeyGroups.groups) > 0 {
		w.add("openai-api-key key-groups", "there are both openai-api-key and key-groups: give the keys in one of them")
	}
	for _, key := range c.allKeys() {
		strange := func(r rune) bool { return r <= ' ' || r > '~' }
		if strings.ContainsFunc(key.Reveal(), strange) {
			w.add("openai-api-key key-groups", "openai-api-key or key-groups: the key ending in %q holds a blank, a line break or another character that no key has", key.Suffix())
		}
	}
}

func (c *Config) checkGroups(w *wrongs) {
	if c.KeyGroups.problem != nil {
		w.add("key-groups", "key-groups: %w", c.KeyGroups.problem)
	}
}

// checkDuplicateKeys finds keys that are given twice: each would count
// with a quota of its own. The same key for another server is another one.
func (c *Config) checkDuplicateKeys(w *wrongs) {
	setting := "openai-api-key"
	if len(c.KeyGroups.groups) > 0 {
		setting = "key-groups"
	}
	type place struct{ server, key string }
	seen := map[place]bool{}
	for _, g := range c.groups() {
		for _, k := range g.Keys {
			here := place{strings.TrimRight(g.BaseURL, "/"), k.Secret.Reveal()}
			if seen[here] {
				w.add(setting, "%s: the key %s is there twice: give each key once", setting, k.Secret.Tail())
			}
			seen[here] = true
		}
	}
}

func (c *Config) checkNumbers(w *wrongs) {
	inRange(w, "text-batch-size", "number", c.TextBatchSize, 1, classify.MaxBatchSize)
	inRange(w, "image-batch-size", "number", c.ImageBatchSize, 1, classify.MaxBatchSize)
	inRange(w, "max-workers", "number", c.MaxWorkers, 0, upstream.MaxWorkers)
	inRange(w, "max-output-tokens", "number", c.MaxOutput, 200, 1_000_000)
	inRange(w, "queue-limit", "number", c.QueueLimit, 1, 10_000_000)
	inRange(w, "max-items", "number", c.MaxItems, 1, 10_000_000)
	inRange(w, "max-message-mib", "number", c.MaxMessage, 1, 1024)
	inRange(w, "max-upload-bytes", "number", c.MaxUpload, 1024, 1<<36)
	inRange(w, "max-intake-mib", "number", c.MaxIntake, 0, 1<<20)
	inRange(w, "max-connections", "number", c.MaxConns, 0, 1<<20)
	inRange(w, "image-max-bytes", "number", c.ImageMaxBytes, 1, 64<<20)
	inRange(w, "image-fit", "number", c.ImageFit, 0, maxFit)
	inRange(w, "nats-replicas", "number", c.NATSReplicas, 0, 5)
	inRange(w, "cache-memory-mib", "number", c.CacheMemory, 0, 1<<20)
	inRange(w, "cache-max-mib", "number", c.CacheMax, 0, 1<<30)
	inRange(w, "jobs-max-mib", "number", c.JobsMax, jobs.MinBytes>>20, 1<<30)
	inRange(w, "review-memory-mib", "number", c.ReviewMemory, 1, 1<<20)
	if c.MaxIntake > 0 && c.MaxIntake < 2*c.MaxMessage {
		w.add("max-intake-mib max-message-mib", "max-intake-mib is %d: give at least twice max-message-mib (%d), since one caller has half of it, or 0", c.MaxIntake, c.MaxMessage)
	}
	inRange(w, "review-below", "number", c.ReviewBelow, 0, 1)
	if !(c.ImageHostRate >= 0 && c.ImageHostRate <= maxHostRate) {
		w.add("image-host-rate", "image-host-rate is %v: give requests a second up to %d, or 0 for no limit", c.ImageHostRate, maxHostRate)
	}
	if !(c.BulkShare > 0 && c.BulkShare <= 1) {
		w.add("bulk-share", "bulk-share is %v: give a number above 0, up to 1", c.BulkShare)
	}
	inRange(w, "hedge-share", "number", c.HedgeShare, 0, 0.5)
}

// inRange finds a value of a kind, such as a number, that is out of its range.
func inRange[T cmp.Ordered](w *wrongs, name, kind string, value, low, up T) {
	if !(value >= low && value <= up) { // also NaN
		w.add(name, "%s is %v: give a %s from %v to %v", name, value, kind, low, up)
	}
}

func (c *Config) checkTimes(w *wrongs) {
	inRange(w, "flush-delay", "time", c.FlushDelay, time.Millisecond, time.Minute)
	inRange(w, "attempt-timeout", "time", c.AttemptTimeout, 0, time.Hour)
	inRange(w, "image-timeout", "time", c.ImageTimeout, 100*time.Millisecond, 10*time.Minute)
	inRange(w, "drain-timeout", "time", c.DrainTimeout, 0, time.Hour)
	inRange(w, "http-write-timeout", "time", c.WriteTimeout, time.Second, 24*time.Hour)
	inRange(w, "cache-age", "time", c.CacheAge, time.Second, 10*365*24*time.Hour)
	inRange(w, "cache-url-age", "time", c.CacheURLAge, 0, 10*365*24*time.Hour)
	inRange(w, "jobs-keep", "time", c.JobsKeep, time.Second, 10*365*24*time.Hour)
}

func (c *Config) checkUpstream(w *wrongs) {
	if c.backend() != backendOpenAI {
		return
	}
	switch u, err := url.Parse(c.baseURL()); {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		w.add("openai-base-url", "openai-base-url is not an http or https address: give one such as %s", defaultBaseURL)
	case u.User != nil:
		w.add("openai-base-url", "openai-base-url holds a user or password: give keys by OPENAI_API_KEY")
	}
	if c.Model == "" {
		w.add("openai-model", "openai-model is empty: give the name of a model")
	}
	if c.Backend == backendOpenAI && len(c.allKeys()) == 0 && c.BaseURL == "" {
		w.add("backend", "backend is openai, but there is neither a key nor a base URL: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server without keys")
	}
}

func (c *Config) checkAddresses(w *wrongs) {
	checkAddress(w, "grpc-addr", c.GRPCAddr)
	checkAddress(w, "http-addr", c.HTTPAddr)
	c.checkAdminAddr(w)
	c.checkSocketsDiffer(w)
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		w.add("tls-cert tls-key", "tls-cert and tls-key go together: give both or neither")
	case c.TLSClientCA != "" && c.TLSCert == "":
		w.add("tls-client-ca tls-cert tls-key", "tls-client-ca needs tls-cert and tls-key")
	}
}

// checkAdminAddr refuses addresses that other machines can reach, since nothing there needs a
// token.
func (c *Config) checkAdminAddr(w *wrongs) {
	if c.AdminAddr == "" {
		return
	}
	checkAddress(w, "admin-addr", c.AdminAddr)
	_, socket := socketPath(c.AdminAddr)
	if host, _, err := net.SplitHostPort(c.AdminAddr); !socket && err == nil && !auth.IsLoopback(host) {
		w.add("admin-addr", "admin-addr is %s, which other machines can reach: give a socket such as unix:///run/credenza/admin.sock, or a port of 127.0.0.1", c.AdminAddr)
	}
}

func (c *Config) checkSocketsDiffer(w *wrongs) {
	addrs := []struct{ name, addr string }{{"grpc-addr", c.GRPCAddr}, {"http-addr", c.HTTPAddr}, {"admin-addr", c.AdminAddr}}
	for i, a := range addrs {
		for _, b := range addrs[i+1:] {
			if _, ok := socketPath(a.addr); ok && a.addr == b.addr {
				w.add(a.name+" "+b.name, "%s and %s are one socket: give each its own", a.name, b.name)
			}
		}
	}
}

func checkAddress(w *wrongs, setting, addr string) {
	if path, ok := socketPath(addr); ok {
		if err := checkSocketPath(path); err != nil {
			w.add(setting, "%s %w", setting, err)
		}
		return
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		w.add(setting, "%s is %q: give HOST:PORT, such as 127.0.0.1:50051, or unix:///PATH", setting, addr)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		w.add(setting, "%s has the port %q: give a number up to 65535 (%d)", setting, port, n)
	}
}

const noOrigins = "none"

// origins are those that CORS allows, nil for none.
func (c *Config) origins() []string {
	if slices.Equal(c.CORSOrigins, []string{noOrigins}) {
		return nil
	}
	return c.CORSOrigins
}

func (c *Config) checkOrigins(w *wrongs) {
	for _, origin := range c.origins() {
		if origin == "*" {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			w.add("cors-origins", "cors-origins has %q: give origins such as https://shop.example, * for all, or none alone", origin)
		}
	}
}
