package fault

// Kind is what the caller can do. Edges map kinds to status codes.
type Kind uint8

// The kinds, with the caller's next step.
const (
	KindInternal    Kind = iota // report it
	KindInvalid                 // change the request
	KindUnknownUser             // send a valid token
	KindForbidden               // get the permission
	KindNotFound                // name something that exists
	KindConflict                // wait for another state, or change it
	KindOverloaded              // try again later
	KindUnavailable             // try again later, or at another server
	KindDeadline                // allow more time
	KindCancelled               // nothing: the caller left
	KindDataLoss                // send what is lost again
	KindTooLarge                // send less at once
)

// Reason is the reason of a failure. The names are stable, because callers see them in
// results and in google.rpc.ErrorInfo.
type Reason uint8

// The reasons. An item can fail with those up to Internal, a call with the others.
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
	CapReached
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
	UpstreamAuth:        {"UPSTREAM_AUTH", KindUnavailable, true},
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
	CapReached:          {"CAP_REACHED", KindOverloaded, true},
}

func (r Reason) spec() spec {
	if r == 0 || int(r) >= len(specs) {
		return specs[Internal]
	}
	return specs[r]
}

// OfPicture reports whether an item's picture could not be used.
func (r Reason) OfPicture() bool { return r >= ImageUnreachable && r <= NoImageFound }

// String returns the stable name, such as "IMAGE_TOO_LARGE".
func (r Reason) String() string { return r.spec().name }

// Kind returns the reason's kind.
func (r Reason) Kind() Kind { return r.spec().kind }

// Retryable reports whether the unchanged request may succeed later.
func (r Reason) Retryable() bool { return r.spec().retryable }

// Named returns the reason with that stable name, or Internal if there is none.
func Named(name string) Reason {
	for r := range specs {
		if specs[r].name == name && name != "" {
			return Reason(r)
		}
	}
	return Internal
}

// ItemReasons returns the reasons of an item's failure.
func ItemReasons() []Reason {
	all := make([]Reason, 0, Internal)
	for r := InvalidItem; r <= Internal; r++ {
		all = append(all, r)
	}
	return all
}
