package metric

// Section is a group of metrics about one part of the service.
type Section struct {
	Title string
	// Intro is a paragraph of Markdown on a line of its own; empty: there is none.
	Intro   string
	Metrics []*Metric
}

// Sections returns all metrics, in the order of docs/metrics.md.
func Sections() []Section {
	return []Section{
		{"Service", "", []*Metric{BuildInfo, Intake, Connections, ConnectionsRefused, CallsSlowed, Spans}},
		{"Items", "", []*Metric{Items, ItemTime, ItemQueueTime, Batches, Attempts, Tokens, PictureFailures}},
		{
			"Queue and calls to the model", "",
			[]*Metric{PoolLimit, PoolCeiling, PoolInUse, Queued, QueueOldest, QueueTime, Settled, Retries, Hedges, GivenUp, LeasesMisused},
		},
		{
			"Quota groups and keys", "A group is one of `key_groups`, or each key of `OPENAI_API_KEY`: `group 1`, `group 2`. The offline classifier is the group `offline`.",
			[]*Metric{GroupLimit, GroupInUse, GroupAway, GroupLastAnswer, GroupQuota, GroupLeft, GroupSpeed, KeyServing},
		},
		{"Cache", "There is none with the offline classifier, or if `CREDENZA_CACHE_MEMORY_MIB` is 0.", []*Metric{CacheHits, CacheMisses, CacheShared, CacheEntries, CacheBytes, CacheStore}},
		{"Jobs and storage", "", []*Metric{Jobs, StoreAvailable, StoreBytes, StoreLimit}},
		{"Callers", "Callers of the token file, on this replica.", []*Metric{CallerItems, CallerTokens, CallerInFlight, CallerRefused, CallerCap}},
		{"HTTP", "The compatible endpoint. The services over HTTP are counted with those over gRPC.", []*Metric{HTTPCalls, HTTPTime}},
		{"gRPC", "A method has series from its first call on, and a code from its first call that ends with it.", []*Metric{GRPCStarted, GRPCHandled, GRPCTime, GRPCReceived, GRPCSent}},
		{
			"Process", "Some of those that every program with Prometheus' Go library has; all of them begin with `go_` or `process_`.",
			[]*Metric{ProcessStart, ProcessCPU, ProcessMemory, ProcessFiles, ProcessMaxFiles, Goroutines},
		},
	}
}

// Service.
var (
	BuildInfo = &Metric{
		"credenza_build_info", Gauge, "1, with the program's version in the labels.",
		[]Label{{"version", "as `credenza version` prints it"}, {"revision", "the commit, as `credenza version` prints it"}, {"goversion", "Go's version"}},
	}
	Intake             = &Metric{"credenza_intake_bytes", Gauge, "Bytes that have arrived and are not handled yet.", nil}
	Connections        = &Metric{"credenza_connections", Gauge, "Connections of callers that are open.", nil}
	ConnectionsRefused = &Metric{"credenza_connections_refused_total", Counter, "Connections for which there was no room.", nil}
	Spans              = &Metric{
		"credenza_trace_spans_total", Counter, "Spans of traces that have ended, by what became of them. There is none unless traces are exported.",
		[]Label{{"end", "`exported`, `failed` (the collector did not take them), `dropped` (the queue was full)"}},
	}
	CallsSlowed = &Metric{"credenza_calls_slowed_total", Counter, "Calls that came too fast, after which less was read of their peer.", nil}
)

// Items.
var (
	kindLabel = Label{"kind", "`text`, `image`"}

	Items = &Metric{
		"credenza_items_total", Counter, "Items answered, by kind and result.",
		[]Label{kindLabel, {"result", "`ok`, or the error's reason, such as `DEADLINE_EXCEEDED`"}},
	}
	ItemTime      = &Metric{"credenza_item_seconds", Histogram, "Time from an item's admission to its result.", []Label{kindLabel}}
	ItemQueueTime = &Metric{"credenza_item_queue_seconds", Histogram, "Time that an item waited for its turns, of all its attempts together.", nil}
	Batches       = &Metric{"credenza_batches_total", Counter, "Batches sent, by kind.", []Label{kindLabel}}
	Attempts      = &Metric{"credenza_upstream_calls_total", Counter, "Calls to the model for items that have ended, failed calls included.", nil}
	Tokens        = &Metric{
		"credenza_tokens_total", Counter, "Tokens of the model, by kind.",
		[]Label{{"kind", "`prompt`, of which the provider's prompt cache had `cached_prompt` (read at a lower price) and took in `cache_write`; `completion`, of which `reasoning`"}},
	}
	PictureFailures = &Metric{
		"credenza_picture_failures_total", Counter, "Pictures that could not be used, by reason: the item failed, or was answered by its text.",
		[]Label{
			{"reason", "the error's reason, such as `IMAGE_UNREACHABLE`"},
			{"cause", "more closely, such as `not found`, `timed out`, `forbidden by robots.txt`, `too small`"},
			{"result", "`text`: answered by its text; `failed`"},
		},
	}
)

// Queue and calls to the model.
var (
	classLabel = Label{"class", "`interactive`, `bulk`"}

	PoolLimit   = &Metric{"credenza_pool_limit", Gauge, "Calls to the model that may be in flight.", nil}
	PoolCeiling = &Metric{"credenza_pool_ceiling", Gauge, "The most that the limit may become.", nil}
	PoolInUse   = &Metric{"credenza_pool_in_use", Gauge, "Calls to the model in flight.", nil}
	Queued      = &Metric{"credenza_queue_waiting", Gauge, "Attempts that wait for their turn, by class.", []Label{classLabel}}
	QueueOldest = &Metric{
		"credenza_queue_oldest_seconds", Gauge, "Age, from its admission, of the oldest item that waits for its turn or for its next attempt; 0 if none does.",
		[]Label{classLabel},
	}
	QueueTime = &Metric{"credenza_attempt_queue_seconds", Histogram, "Time that an attempt waited for its turn.", nil}
	Settled   = &Metric{
		"credenza_attempts_total", Counter, "Calls to the model that have ended, by how: the share of `throttled` is that of 429s.",
		[]Label{{"end", "`succeeded`, `throttled`, `overloaded`, `timed_out`, `broken`, `rejected` (the item), `refused` (the key), `exhausted` (its quota), `abandoned` (by the caller)"}},
	}
	Retries       = &Metric{"credenza_retries_total", Counter, "Calls to the model after an item's first.", nil}
	Hedges        = &Metric{"credenza_hedges_total", Counter, "Calls to the model sent a second time to overtake a straggler.", nil}
	GivenUp       = &Metric{"credenza_attempts_given_up_total", Counter, "Calls to the model that an outage swallowed.", nil}
	LeasesMisused = &Metric{"credenza_leases_misused_total", Counter, "Leases settled twice, which are faults of the program.", nil}
)

// Quota groups and keys.
var (
	groupLabel = Label{"group", "the group's name"}
	quotaLabel = Label{"quota", "`requests`, `tokens`: those that the server's headers or the settings name"}

	GroupLimit      = &Metric{"credenza_group_limit", Gauge, "Calls that may be in flight on a quota group.", []Label{groupLabel}}
	GroupInUse      = &Metric{"credenza_group_in_use", Gauge, "Calls in flight on a quota group.", []Label{groupLabel}}
	GroupAway       = &Metric{"credenza_group_breaker_open", Gauge, "1 while the server of a quota group is away, else 0.", []Label{groupLabel}}
	GroupLastAnswer = &Metric{
		"credenza_group_last_answer_timestamp_seconds", Gauge, "When the model last answered a call on a quota group, in seconds since 1970: `time() -` this is how long ago. Until its first answer it is when the service started.",
		[]Label{groupLabel},
	}
	GroupQuota = &Metric{"credenza_group_quota", Gauge, "A quota's limit.", []Label{groupLabel, quotaLabel}}
	GroupLeft  = &Metric{"credenza_group_remaining", Gauge, "What is left of a quota.", []Label{groupLabel, quotaLabel}}
	GroupSpeed = &Metric{"credenza_group_per_second", Gauge, "The speed that a quota's calls are paced at.", []Label{groupLabel, quotaLabel}}
	KeyServing = &Metric{
		"credenza_key_serving", Gauge, "1 while a key serves, 0 while it is retired.",
		[]Label{groupLabel, {"key", "its place in the group, from `1`"}},
	}
)

// Cache.
var (
	CacheHits    = &Metric{"credenza_cache_hits_total", Counter, "Questions answered from the cache, by level.", []Label{{"level", "`memory`, `store`"}}}
	CacheMisses  = &Metric{"credenza_cache_misses_total", Counter, "Questions that the cache could not answer.", nil}
	CacheShared  = &Metric{"credenza_cache_shared_total", Counter, "Items that waited for the same question of another one.", nil}
	CacheEntries = &Metric{"credenza_cache_entries", Gauge, "Answers in memory.", nil}
	CacheBytes   = &Metric{"credenza_cache_bytes", Gauge, "Bytes of the answers in memory.", nil}
	CacheStore   = &Metric{
		"credenza_cache_store_operations_total", Counter, "Reads and writes of the store behind the memory, by result.",
		[]Label{{"result", "`written`, `read_failed`, `write_failed`, `skipped` (while it fails), `dropped` (too many waited), `unreadable`"}},
	}
)

// Jobs and storage.
var (
	partLabel = Label{"part", "`items`, `results`, `objects` (items that are larger than a message, and corrections)"}

	Jobs           = &Metric{"credenza_jobs", Gauge, "Jobs that are kept, by state.", []Label{{"state", "`queued`, `running`, `paused`, `succeeded`, `cancelled`, `failed`"}}}
	StoreAvailable = &Metric{"credenza_store_available", Gauge, "1 while something can be stored; 0 while the disk is full or cannot be written, the data folder is lost, or NATS is away.", nil}
	StoreBytes     = &Metric{"credenza_store_bytes", Gauge, "Bytes that jobs have stored, of all replicas together.", []Label{partLabel}}
	StoreLimit     = &Metric{"credenza_store_limit_bytes", Gauge, "Bytes that jobs may store. Above 90 % the oldest ended jobs are deleted.", []Label{partLabel}}
)

// Callers.
var (
	callerLabel = Label{"caller", "the caller's name"}
	capLabel    = Label{"cap", "the cap's name, such as `items_per_day`"}

	CallerItems    = &Metric{"credenza_caller_items_total", Counter, "Items admitted for a caller.", []Label{callerLabel}}
	CallerTokens   = &Metric{"credenza_caller_tokens_total", Counter, "Tokens of the model that a caller's items took.", []Label{callerLabel}}
	CallerInFlight = &Metric{"credenza_caller_items_in_flight", Gauge, "A caller's items in flight.", []Label{callerLabel}}
	CallerRefused  = &Metric{"credenza_caller_refused_total", Counter, "Items refused over a cap of the caller.", []Label{callerLabel, capLabel}}
	CallerCap      = &Metric{"credenza_caller_cap", Gauge, "A cap of a caller, for all replicas together.", []Label{callerLabel, capLabel}}
)

// HTTP.
var (
	pathLabel = Label{"path", "the path"}

	HTTPCalls = &Metric{
		"credenza_http_calls_total", Counter, "Calls of the HTTP interface, by path, status and result.",
		[]Label{pathLabel, {"status", "HTTP's, such as `200`"}, {"result", "`ok`, or the error's reason"}},
	}
	HTTPTime = &Metric{"credenza_http_call_seconds", Histogram, "Time of a call of the HTTP interface, from its headers to its last event.", []Label{pathLabel}}
)

// gRPC's metrics are made by a library; see rpc.
var (
	methodLabels = []Label{{"grpc_service", "`credenza.v1.ClassificationService` and so on"}, {"grpc_method", "`ClassifyStream` and so on"}, {"grpc_type", "`unary`, `client_stream`, `server_stream`, `bidi_stream`"}}

	GRPCStarted = &Metric{"grpc_server_started_total", Counter, "Calls that have begun.", methodLabels}
	GRPCHandled = &Metric{
		"grpc_server_handled_total", Counter, "Calls that have ended, by the status code that their caller sees.",
		append([]Label{{"grpc_code", "`OK`, `ResourceExhausted` and so on"}}, methodLabels...),
	}
	GRPCTime     = &Metric{"grpc_server_handling_seconds", Histogram, "Time of calls.", methodLabels}
	GRPCReceived = &Metric{"grpc_server_msg_received_total", Counter, "Messages that callers have sent.", methodLabels}
	GRPCSent     = &Metric{"grpc_server_msg_sent_total", Counter, "Messages that were sent to callers.", methodLabels}
)

// The process's metrics are made by a library; see app.
var (
	ProcessStart    = &Metric{"process_start_time_seconds", Gauge, "When the process started, in seconds since 1970.", nil}
	ProcessCPU      = &Metric{"process_cpu_seconds_total", Counter, "Processor time that was used.", nil}
	ProcessMemory   = &Metric{"process_resident_memory_bytes", Gauge, "Memory in use (resident set).", nil}
	ProcessFiles    = &Metric{"process_open_fds", Gauge, "File descriptors in use: connections and files.", nil}
	ProcessMaxFiles = &Metric{"process_max_fds", Gauge, "The most file descriptors that the process may have.", nil}
	Goroutines      = &Metric{"go_goroutines", Gauge, "Goroutines.", nil}
)
