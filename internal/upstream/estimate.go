package upstream

// estimate turns a guess at an attempt's tokens into what such attempts turn
// out to use.
type estimate struct {
	factor float64
	mean   float64 // tokens of an attempt
}

const estimateFollow = 0.02

// cost returns what an attempt of so many guessed tokens will use. If there is no
// guess, it is what attempts use on average.
func (e *estimate) cost(tokens int) float64 {
	if tokens <= 0 {
		return e.mean
	}
	return float64(tokens) * e.factor
}

// follow learns from what an answer reported.
func (e *estimate) follow(guessed int, used float64) {
	if used <= 0 {
		return
	}
	if e.mean == 0 {
		e.mean = used
	}
	e.mean += estimateFollow * (used - e.mean)
	if guessed <= 0 {
		return
	}
	e.factor += estimateFollow * (used/float64(guessed) - e.factor)
	e.factor = min(max(e.factor, 0.1), 10)
}
