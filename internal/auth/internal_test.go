package auth

import "testing"

func BenchmarkTokens(b *testing.B) {
	tokens := &Tokens{callers: make([]caller, 100)}
	b.ReportAllocs()
	for b.Loop() {
		tokens.find("some-token-of-a-usual-length-of-43-characters")
	}
}
