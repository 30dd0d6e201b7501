// Package upstream decides who may call the model now, and on which key.
//
// An attempt asks the Gate for a Lease, makes its call with the lease's key, and
// settles the lease with what the answer said. The gate knows nothing of
// questions and answers; whether to try again is its caller's decision.
package upstream
