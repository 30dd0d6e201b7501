package taxonomy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// maxProblems bounds the message. A file with more is not a taxonomy.
const maxProblems = 50

type problem struct {
	line int
	text string
}

// problems collects the errors in a file.
type problems struct {
	file string
	list []problem
}

func (p *problems) add(line int, format string, args ...any) {
	p.list = append(p.list, problem{line, fmt.Sprintf(format, args...)})
}

func (p *problems) empty() bool { return len(p.list) == 0 }

func (p *problems) fault() *fault.Fault {
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	f := fault.New(fault.InvalidRequest, "")
	lines := make([]string, 0, len(p.list))
	for i, one := range p.list {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("%s: and %d more", p.file, len(p.list)-i))
			break
		}
		at := fmt.Sprintf("%s:%d", p.file, one.line)
		lines = append(lines, at+": "+one.text)
		f.Violations = append(f.Violations, fault.Violation{Field: at, Message: one.text})
	}
	f.Message = strings.Join(lines, "\n")
	return f
}
