// Package examples holds the sample catalogue: a hundred pieces of furniture made
// up for this project, every category and style among them, so that the service
// can be tried without a catalogue at hand.
//
// catalogue.csv is what a shop would send. labelled.csv is the same with the
// right category in the column "label", for `credenza eval`. Everything else one
// would want to try needs data of one's own: a hundred made-up rows show how the
// service works, and say little about how good it is.
package examples

import _ "embed" // for the catalogue

// Catalogue is catalogue.csv. It must not be changed.
//
//go:embed catalogue.csv
var Catalogue []byte
