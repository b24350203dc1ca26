// Package web lets mods make HTTP requests, and only those that their manifests
// name and their operator allows. It is the only package of the project that opens
// connections.
//
// The author of a mod is assumed to control every byte of a request, the servers
// that it names, and the names' entries in DNS. What holds whatever they do:
//
//   - Only hosts, methods, paths and headers of the [Rules] are used, by redirects
//     too, and rules never exceed the operator's [Options].
//   - A URL has one reading. What two programs could read differently is refused:
//     user names, addresses in any notation, ports in odd forms, dot segments,
//     needless percent-encoding, backslashes, ';' in paths.
//   - The address that is really dialled is one of the public internet, and not one
//     of this machine's own or of its neighbours on the same link: not loopback,
//     private, link-local, shared, multicast, reserved or a tunnel to such. It is checked after the name was looked up and
//     again at the socket, so a name that changes its address gains nothing.
//   - No proxy is used, whatever the environment says; no cookies, no kept
//     connections, no TLS sessions; https unless both manifest and operator say
//     otherwise, with certificates checked.
//   - A request ends within its time, however slowly the server sends what; its
//     headers and its body are bounded, and nothing is unpacked.
//   - A script learns that a host could not be reached, and not which address it has.
//
// What is not promised: a mod can put into a query, a header or a body what it
// likes, so whoever owns an allowed host can be told what the mod knows. A host that
// passes requests on, or redirects inside itself, is trusted by whoever lists it.
// A path that a server treats as another one for reasons of its own (letters of
// either case, a rewriting rule) is not seen here. Addresses of the operator's
// network that are public, and not on a link of this machine's, have to be listed in
// [Options.DenyAddresses]. On systems where names are looked up by the C library, a
// lookup that was given up goes on in the background until that library gives up.
//
// [Capability] is what an engine gives to its host. Below it, and of use to an
// engine's own functions too, [New] checks the options, [Client.Allow] the rules of
// one mod, [Access.Prepare] one request, and [Call.Do] makes it.
package web
