package main

import (
	"sync"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// unreadableRows has the errors of rows whose results are not there yet. It is safe for
// concurrent use.
type unreadableRows struct {
	mu     sync.Mutex
	errors map[int64]*table.RowError
}

func (u *unreadableRows) put(index int64, err *table.RowError) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.errors == nil {
		u.errors = map[int64]*table.RowError{}
	}
	u.errors[index] = err
}

// explain gives the results of unreadable rows the reader's message, which names the
// line.
func (u *unreadableRows) explain(results []credenza.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range results {
		err, ok := u.errors[results[i].Index]
		if !ok {
			continue
		}
		delete(u.errors, results[i].Index)
		if results[i].Err != nil {
			results[i].Err.Message = err.Fault.Message
		}
	}
}
