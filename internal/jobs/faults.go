package jobs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Codes of JetStream's errors that the client library has no names for.
const (
	codeClusterNoPeers   jetstream.ErrorCode = 10005
	codeNoLeader         jetstream.ErrorCode = 10009
	codeNoResources      jetstream.ErrorCode = 10023
	codeStorageExceeded  jetstream.ErrorCode = 10047
	codeStreamOffline    jetstream.ErrorCode = 10118
	codeStoreFailed      jetstream.ErrorCode = 10077
	codeConsumerOffline  jetstream.ErrorCode = 10119
	codeAccountResources jetstream.ErrorCode = 10002
)

// asFault returns the public fault for an error of the store. Faults and errors of
// contexts are returned unchanged.
func asFault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	if errors.As(err, new(*unreadable)) {
		return dataLoss(err)
	}
	if api, ok := errors.AsType[jetstream.JetStreamError](err); ok && api.APIError() != nil {
		return apiFault(err, api.APIError())
	}
	for _, away := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrNoServers,
		nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, nats.ErrConnectionDraining, nats.ErrStaleConnection,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrNoHeartbeat,
		jetstream.ErrServerShutdown, jetstream.ErrConnectionClosed, jetstream.ErrConsumerLeadershipChanged,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, away) {
			return storageAway(err)
		}
	}
	return err
}

func apiFault(err error, api *jetstream.APIError) error {
	switch api.ErrorCode {
	case codeStoreFailed, codeNoResources, codeStorageExceeded, codeAccountResources:
		return storageFull(err)
	case codeNoLeader, codeStreamOffline, codeConsumerOffline, codeClusterNoPeers,
		jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount,
		jetstream.JSErrCodeStreamWrongLastSequenceConstant: // something for the subject is still on its way
		return storageAway(err)
	}
	if strings.Contains(api.Description, syscall.ENOSPC.Error()) { // what is removed is written down too
		return storageFull(err)
	}
	if api.Code >= http.StatusInternalServerError {
		return storageAway(err)
	}
	return err
}

func storageFull(err error) *fault.Fault {
	return fault.Wrap(err, fault.StorageFull, "the storage of jobs is full: delete jobs, or ask the operator for more room")
}

func storageAway(err error) *fault.Fault {
	return fault.Wrap(err, fault.StorageAway, "the storage of jobs cannot be reached or written: try again later")
}

func notFound() *fault.Fault {
	return fault.New(fault.NotFound, "there is no such job: check the id, or list the jobs")
}

// recovered is deferred and turns a panic into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fault.Wrap(fmt.Errorf("panic: %v\n%s", v, debug.Stack()), fault.Internal, "a fault of the service, which its log describes: report it")
	}
}

// isPermanent reports whether what failed cannot succeed later.
func isPermanent(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.DataLoss) || fault.Is(err, fault.Conflict) || errors.Is(err, nats.ErrMaxPayload)
}

// isStores reports whether an error is the store's: it says nothing against the job, and
// may pass.
func isStores(err error) bool {
	err = asFault(err)
	return fault.Is(err, fault.StorageAway) || fault.Is(err, fault.StorageFull) || isMissing(err)
}

// wrongLast reports whether another writer was first.
func wrongLast(err error) bool {
	api, ok := errors.AsType[jetstream.JetStreamError](err)
	return ok && api.APIError() != nil && api.APIError().ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// isMissing reports whether the store does not have what was asked for.
func isMissing(err error) bool {
	for _, missing := range []error{
		jetstream.ErrMsgNotFound, jetstream.ErrKeyNotFound, jetstream.ErrObjectNotFound, jetstream.ErrBucketNotFound,
		jetstream.ErrStreamNotFound, jetstream.ErrConsumerNotFound, jetstream.ErrConsumerDoesNotExist,
		jetstream.ErrConsumerDeleted,
	} {
		if errors.Is(err, missing) {
			return true
		}
	}
	return false
}
