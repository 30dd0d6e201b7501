// Package tracing makes the spans of OpenTelemetry: what each part of the service tells of
// a call becomes a span of the call's trace, and goes to a collector over OTLP.
//
//	credenza.v1.ClassificationService/ClassifyStream   rpc, by gRPC's own instrumentation
//	  item                     classify
//	    picture                classify: the wait for the item's picture
//	    queue                  llm: the wait for a turn at the model
//	    chat gpt-6-luna        llm: one call to the model, by the conventions for GenAI
//
// The parts know no OpenTelemetry but rpc: each declares the few methods that it calls, and
// Tracer has them all. Without a Tracer they call nothing.
//
// A span is made when its part has ended, except those that others are within. So a part needs
// no object between its beginning and its end, and a call that is not sampled costs one
// look into its context for each part.
//
// The variables are OpenTelemetry's own (OTEL_...), read by its SDK. Nothing is traced unless
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_TRACES_EXPORTER is set.
//
// Spans have no text, name or address of a product, no key and no message of an error, which
// may quote one. The model's questions and answers are in them only if
// OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says so.
package tracing
