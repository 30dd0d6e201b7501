// Package caps holds callers to their caps, on all replicas together.
//
// The problem: a cap counts what a caller uses on every replica, and asking a store for
// each item would cost more than many items do. So a replica takes a portion of a cap
// from the store, with compare-and-set, and spends it without asking again. A cap is
// never exceeded by that: what was taken counts as used.
//
//	store (one value for each caller)      replica
//	  items of this minute: taken 340  ──>   12 left      spent one by one
//	  items of this day:    taken 9,120 ─>   30 left
//	  slots: a 40, b 8                 <──   gives back what it did not need in a second
//
// Portions double while they are used up within a second, and are at most half of an
// equal share of what is left, so that the last items of a cap are not held by a replica
// that does not need them. Once a second a replica gives back what it has not used, and
// renews its slots. Slots of a replica that died are free again after 15 s; the rest of
// its portion, about a second's use, counts as used.
//
// The trade-off: minutes and days are those of the clock, in UTC, so a caller may use
// one minute's items at its end and the next one's at once.
//
// While the store is away, each replica holds its callers to an equal share of what was
// left, by the number of replicas that were there last. So the cap holds, and a caller is
// not refused because of a fault that is none of its own. What was used meanwhile is
// entered when the store is back. A replica that has not reached the store since it
// started knows of no others and allows the whole cap.
package caps
