package upstream

// Number is the lease's number among the starts of its group.
func (l *Lease) Number() int64 { return l.number }
