package credenza

// Code is the canonical name of a gRPC code.
type Code string

// The codes that a call fails with, and the usual reasons.
const (
	// CodeInvalidArgument is for a request that the server can never take: Error.Fields
	// names what is wrong.
	CodeInvalidArgument Code = "INVALID_ARGUMENT"
	// CodeUnauthenticated is for a missing, unknown or expired token.
	CodeUnauthenticated Code = "UNAUTHENTICATED"
	// CodePermissionDenied is for a token without the scope that the call needs.
	CodePermissionDenied Code = "PERMISSION_DENIED"
	// CodeNotFound is for a job that does not exist, or belongs to another caller.
	CodeNotFound Code = "NOT_FOUND"
	// CodeFailedPrecondition is for a job whose state does not allow the call.
	CodeFailedPrecondition Code = "FAILED_PRECONDITION"
	// CodeResourceExhausted is for a full server, a cap of the caller, or a message that is
	// too large. Error.RetryAfter is set for the first two.
	CodeResourceExhausted Code = "RESOURCE_EXHAUSTED"
	// CodeUnavailable is for a server that is away, shutting down, or without its storage.
	CodeUnavailable Code = "UNAVAILABLE"
	// CodeDeadlineExceeded is for a call whose time is over.
	CodeDeadlineExceeded Code = "DEADLINE_EXCEEDED"
	// CodeCancelled is for a call that the caller has ended.
	CodeCancelled Code = "CANCELLED"
	// CodeDataLoss is for stored results that are damaged.
	CodeDataLoss Code = "DATA_LOSS"
	// CodeUnimplemented is for a call that the server is too old for.
	CodeUnimplemented Code = "UNIMPLEMENTED"
	// CodeInternal is for a fault of the service.
	CodeInternal Code = "INTERNAL"
	// CodeUnknown is for an error that is not from the service.
	CodeUnknown Code = "UNKNOWN"
)

// Reason is the stable name of a reason: why an item has no classification, or why a call
// failed. Newer servers may send others.
type Reason string

// The reasons of items. The proto's ErrorReason describes each.
const (
	ReasonInvalidItem         Reason = "INVALID_ITEM"
	ReasonImageUnreachable    Reason = "IMAGE_UNREACHABLE"
	ReasonImageForbidden      Reason = "IMAGE_FORBIDDEN"
	ReasonImageTooLarge       Reason = "IMAGE_TOO_LARGE"
	ReasonImageUnsupported    Reason = "IMAGE_UNSUPPORTED"
	ReasonNoImageFound        Reason = "NO_IMAGE_FOUND"
	ReasonRateLimited         Reason = "RATE_LIMITED"
	ReasonQuotaExhausted      Reason = "QUOTA_EXHAUSTED"
	ReasonUpstreamAuth        Reason = "UPSTREAM_AUTH"
	ReasonUpstreamRejected    Reason = "UPSTREAM_REJECTED"
	ReasonUpstreamUnavailable Reason = "UPSTREAM_UNAVAILABLE"
	ReasonUpstreamTimeout     Reason = "UPSTREAM_TIMEOUT"
	ReasonMalformedAnswer     Reason = "MALFORMED_ANSWER"
	ReasonRefused             Reason = "REFUSED"
	ReasonDeadlineExceeded    Reason = "DEADLINE_EXCEEDED" // of calls too
	ReasonInternal            Reason = "INTERNAL"          // of calls too
)

// The reasons of calls.
const (
	ReasonInvalidRequest   Reason = "INVALID_REQUEST"
	ReasonTooManyItems     Reason = "TOO_MANY_ITEMS"
	ReasonMessageTooLarge  Reason = "MESSAGE_TOO_LARGE"
	ReasonUnknownModel     Reason = "UNKNOWN_MODEL"
	ReasonUnauthenticated  Reason = "UNAUTHENTICATED"
	ReasonPermissionDenied Reason = "PERMISSION_DENIED"
	ReasonServerFull       Reason = "SERVER_FULL"
	ReasonShuttingDown     Reason = "SHUTTING_DOWN"
	ReasonNotFound         Reason = "NOT_FOUND"
	ReasonConflict         Reason = "CONFLICT" // the state of a job does not allow it
	ReasonStorageFull      Reason = "STORAGE_FULL"
	ReasonStorageAway      Reason = "STORAGE_AWAY"
	ReasonDataLoss         Reason = "DATA_LOSS"
	ReasonCancelled        Reason = "CANCELLED"
	ReasonCapReached       Reason = "CAP_REACHED" // Error.Cap names it
)
