package cache

// Name is a key as the bucket has it.
var Name = name
