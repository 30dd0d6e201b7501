package jobs

import (
	"context"
	"time"
)

// roomTime bounds how long Rooms asks the store.
const roomTime = time.Second

// Room is how much of one kind of data is stored, and how much may be, in bytes.
type Room struct {
	Part        string // items, results, or objects with corrections
	Used, Limit int64
}

// Rooms returns what jobs have stored, of all replicas together. It returns nothing while
// the store is away or does not answer within a second.
func (s *Service) Rooms(ctx context.Context) []Room {
	if s.store.away() != nil || !s.store.storage.Connected() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomTime)
	defer cancel()
	rooms, err := s.store.rooms(ctx)
	if err != nil {
		return nil
	}
	return rooms
}

// rooms returns the room of each kind.
func (st *store) rooms(ctx context.Context) (rooms []Room, err error) {
	for _, part := range []struct{ name, stream string }{{"items", itemsStream}, {"results", resultsStream}} {
		info, err := st.info(ctx, part.stream, "")
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, Room{part.name, int64(info.State.Bytes), info.Config.MaxBytes}) //nolint:gosec // a size on disk
	}
	objects, err := st.objectBytes(ctx)
	return append(rooms, Room{"objects", objects, st.config.MaxBytes / objectsPart}), err
}
