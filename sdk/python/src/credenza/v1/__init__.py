"""The generated messages and stubs of the contract, for callers that want gRPC itself."""
