// Package fetch gets pictures and pages from shops: safely for the network that it
// runs in, and politely to the shops.
//
//	address -> parsed as browsers do -> robots.txt (pages)
//	        -> host: 4 connections, pause, rate
//	        -> dialer: name resolved, address checked -> status
//	        -> process: slots for bodies -> body with limits
//	        -> redirect, or a page that sends on? the same again, at most 20 times
//
// Addresses come from callers, so the guard is in the dialer, where it sees each
// address after name resolution. A check of the name beforehand could pass and the
// connection still go elsewhere. Only ports 80 and 443 are allowed. The proxy of the
// environment is not used, because the guard would see only the proxy.
//
// Cookies live for one session: an item's page, its redirects and its pictures. Without
// them, shops that test for cookies redirect for ever. A picture is asked for with its
// page as the Referer, because many shops serve pictures to their own pages only.
//
// The time limit of a fetch counts only while it has a connection slot, because a queue
// of our own is no reason to give up on a shop. After a 429 or 503, no request is sent
// to the shop until it is ready: Fetch returns a Busy, and the caller waits without
// holding anything.
//
// A response takes a slot for bodies when it begins, and a slot for large bodies after
// its first 512 KiB, so neither silence nor a large Content-Length takes a slot. A
// large body that almost stops is given up.
package fetch
