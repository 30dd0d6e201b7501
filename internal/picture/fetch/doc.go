// Package fetch gets pictures and pages from shops: safely for the network that
// it runs in, and politely to the shops.
//
// # The problem
//
// The addresses come from callers, so each is a request that a stranger has this
// machine make. And shops are slow, broken, overloaded, or hostile: bodies
// without end, redirects in circles, pages sent as pictures.
//
// # The picture
//
//	address -> parsed as browsers do -> robots.txt (pages)
//	        -> host: 4 connections, pause, rate
//	        -> dialer: resolved, checked, pinned -> status
//	        -> process: bodies in memory -> body with limits
//	        -> redirect? the same again, 5 times at most
//
// # The trade-off
//
// The address guard sits in the dialer, behind name resolution, and sees each
// address that is about to be connected to. A check of the name beforehand could
// be right and the connection still go elsewhere. Only ports 80 and 443 are
// asked, since whatever else listens is rarely a shop. Proxies of the
// environment are not used: behind one, the guard would see the proxy alone.
//
// The clock of a fetch runs only while it has a connection slot. Queueing for a
// busy shop is our doing, and no reason to give up on it. A shop that answers
// 429 or 503 is left alone for everybody until it is ready: Get returns a Busy,
// and holds nothing while the caller waits it out.
//
// Bodies wait for a place in memory with little of it: over HTTP/2 with no more
// than a window, and a large one has sent its first 512 KiB. Neither silence nor
// announcing much takes a place, and a large body that all but stops loses its
// own.
//
// # Example
//
//	address, err := fetch.Parse("https://shop.example/sofa.jpg")
//	...
//	r, err := client.Get(ctx, address, fetch.Validators{})
//	if busy, ok := errors.AsType[*fetch.Busy](err); ok {
//		err = busy.Wait(ctx)
//	}
package fetch
