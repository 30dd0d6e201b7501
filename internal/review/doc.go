// Package review shows the results of a job sorted, filtered and counted, and keeps the
// corrections of people.
//
// The problem: a person scrolls through 100,000 results, in any order, with any filter,
// and corrects some of them at a key stroke each, while other people do the same at other
// replicas and the job may still run. The store has results in the order in which they
// came, and can neither sort nor search.
//
//	Store ── results ──> index ── filter, order ──> view ── skip, size ──> page
//	      ── changes ──>   |
//	      <── change ──────+
//
// An index has a job's results in memory: what filters and orders need as numbers, the
// text for searches in lower case, and the results themselves as they are stored, packed.
// Each call first reads what the store has in addition to the index, so that all replicas
// see the same, and a call sees all that was answered before it. A view is the list of one
// filter and order, and is kept until the index changes.
//
// A change is one message in the store, even if it is one of 100,000 results, so that no
// reader sees a part of it. It names the change before it: if two people change at once,
// the store refuses one change, which is then made again on top of the other. The
// correction in force of a result is that of the last change that was not taken back.
//
// The trade-off: an index takes about half a kilobyte for each result. All together
// have a budget, for which the least recently used ones make room; a job whose index
// alone is larger is refused. One index at a time grows by more than a few results, so
// that jobs that are opened at once wait for each other. An index that no caller uses
// for half an hour is freed.
package review
