package llmsim

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// maxSchemas bounds the schemas kept; a server that sees more compiles anew.
const maxSchemas = 256

// schemas keeps the schemas that were compiled, by a hash of their text.
type schemas struct {
	mu     sync.RWMutex
	byHash map[uint64]*node
}

// get returns the schema of a question, compiled; nil where it has none.
func (s *schemas) get(q *question) (*node, *apiError) {
	if string(q.format) != "json_schema" {
		return nil, nil
	}
	if len(q.schemaName) == 0 {
		return nil, badRequest("Missing required parameter: 'response_format.json_schema.name'.",
			"response_format.json_schema.name", "missing_required_parameter")
	}
	hash := xxhash.Sum64(q.schema)
	if q.strict {
		hash = ^hash
	}
	s.mu.RLock()
	n := s.byHash[hash]
	s.mu.RUnlock()
	if n != nil {
		return n, nil
	}
	n, err := compile(q.schema, q.strict)
	if err != nil {
		return nil, badRequest("Invalid schema for response_format '"+string(q.schemaName)+"': "+err.Error(),
			"response_format", "invalid_json_schema")
	}
	s.put(hash, n)
	return n, nil
}

func (s *schemas) put(hash uint64, n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byHash) >= maxSchemas {
		clear(s.byHash)
	}
	s.byHash[hash] = n
}
