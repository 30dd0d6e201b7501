package llm

// ReadReply reads a reply and its first ten tokens, for benchmarks.
func ReadReply(body string) {
	r := readReply(body)
	n := 0
	for range r.tokens.All() {
		if n++; n == 10 {
			break
		}
	}
}
