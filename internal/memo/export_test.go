package memo

// Name is a key as the bucket has it.
var Name = name
