// Package credenza is the Go client of a Credenza server.
//
//	c, err := credenza.Dial("localhost:50051", credenza.WithPlaintext())
//	if err != nil { ... }
//	defer c.Close()
//	stream := c.ClassifyStream(ctx, items, credenza.Options{})
//	for result, err := range stream.Results() {
//		if err != nil { ... }              // the call failed
//		if result.Err != nil { continue }  // this item failed, the others go on
//		fmt.Println(result.ProductName, result.Classification.Category)
//	}
//	fmt.Println(stream.Summary().Succeeded)
package credenza
