package fault

// Kind says who has to act, and how. Edges map kinds to their status codes.
type Kind uint8

// The kinds. The comments say what the caller can do.
const (
	KindInternal    Kind = iota // report it
	KindInvalid                 // change the request
	KindUnknownUser             // send a valid token
	KindForbidden               // ask for the right
	KindNotFound                // name something that exists
	KindConflict                // wait for, or change, the state of things
	KindOverloaded              // come again later
	KindUnavailable             // come again later, or elsewhere
	KindDeadline                // allow more time
	KindCancelled               // nothing: the caller left
	KindDataLoss                // send what is lost again
	KindTooLarge                // send less at once
)

// Reason is why something failed. The names are stable: callers see them in
// results and in google.rpc.ErrorInfo.
type Reason uint8

// The reasons. Those up to Internal can be an item's; the rest are a call's.
const (
	InvalidItem Reason = iota + 1
	ImageUnreachable
	ImageForbidden
	ImageTooLarge
	ImageUnsupported
	NoImageFound
	RateLimited
	QuotaExhausted
	UpstreamAuth
	UpstreamRejected
	UpstreamUnavailable
	UpstreamTimeout
	MalformedAnswer
	Refused
	DeadlineExceeded
	Internal

	InvalidRequest
	TooManyItems
	MessageTooLarge
	UnknownModel
	Unauthenticated
	PermissionDenied
	ServerFull
	ShuttingDown
	NotFound
	Conflict
	StorageFull
	StorageAway
	DataLoss
	Cancelled
)

type spec struct {
	name      string
	kind      Kind
	retryable bool
}

var specs = [...]spec{
	InvalidItem:         {"INVALID_ITEM", KindInvalid, false},
	ImageUnreachable:    {"IMAGE_UNREACHABLE", KindUnavailable, true},
	ImageForbidden:      {"IMAGE_FORBIDDEN", KindForbidden, false},
	ImageTooLarge:       {"IMAGE_TOO_LARGE", KindInvalid, false},
	ImageUnsupported:    {"IMAGE_UNSUPPORTED", KindInvalid, false},
	NoImageFound:        {"NO_IMAGE_FOUND", KindInvalid, false},
	RateLimited:         {"RATE_LIMITED", KindOverloaded, true},
	QuotaExhausted:      {"QUOTA_EXHAUSTED", KindOverloaded, true},
	UpstreamAuth:        {"UPSTREAM_AUTH", KindUnavailable, false},
	UpstreamRejected:    {"UPSTREAM_REJECTED", KindInvalid, false},
	UpstreamUnavailable: {"UPSTREAM_UNAVAILABLE", KindUnavailable, true},
	UpstreamTimeout:     {"UPSTREAM_TIMEOUT", KindDeadline, true},
	MalformedAnswer:     {"MALFORMED_ANSWER", KindUnavailable, true},
	Refused:             {"REFUSED", KindInvalid, false},
	DeadlineExceeded:    {"DEADLINE_EXCEEDED", KindDeadline, true},
	Internal:            {"INTERNAL", KindInternal, true},
	InvalidRequest:      {"INVALID_REQUEST", KindInvalid, false},
	TooManyItems:        {"TOO_MANY_ITEMS", KindInvalid, false},
	MessageTooLarge:     {"MESSAGE_TOO_LARGE", KindTooLarge, false},
	UnknownModel:        {"UNKNOWN_MODEL", KindInvalid, false},
	Unauthenticated:     {"UNAUTHENTICATED", KindUnknownUser, false},
	PermissionDenied:    {"PERMISSION_DENIED", KindForbidden, false},
	ServerFull:          {"SERVER_FULL", KindOverloaded, true},
	ShuttingDown:        {"SHUTTING_DOWN", KindUnavailable, true},
	NotFound:            {"NOT_FOUND", KindNotFound, false},
	Conflict:            {"CONFLICT", KindConflict, false},
	StorageFull:         {"STORAGE_FULL", KindOverloaded, true},
	StorageAway:         {"STORAGE_AWAY", KindUnavailable, true},
	DataLoss:            {"DATA_LOSS", KindDataLoss, false},
	Cancelled:           {"CANCELLED", KindCancelled, true},
}

func (r Reason) spec() spec {
	if r == 0 || int(r) >= len(specs) {
		return specs[Internal]
	}
	return specs[r]
}

// String returns the stable name, such as "IMAGE_TOO_LARGE".
func (r Reason) String() string { return r.spec().name }

// Kind returns the reason's kind.
func (r Reason) Kind() Kind { return r.spec().kind }

// Retryable reports whether the same request may succeed later unchanged.
func (r Reason) Retryable() bool { return r.spec().retryable }

// Named returns the reason with a stable name, Internal where there is none.
func Named(name string) Reason {
	for r := range specs {
		if specs[r].name == name && name != "" {
			return Reason(r)
		}
	}
	return Internal
}

// ItemReasons returns the reasons that an item can fail with.
func ItemReasons() []Reason {
	all := make([]Reason, 0, Internal)
	for r := InvalidItem; r <= Internal; r++ {
		all = append(all, r)
	}
	return all
}
