// Package trust answers one question about a packed mod: who signed it, and does the
// operator of this installation trust them with it?
//
// A mod is signed with a minisign key (https://jedisct1.github.io/minisign/): the
// signature is over its content list, names what it is of in the trusted comment, and
// is an attachment of the bundle. [Sign] adds one, and so does minisign itself. The
// operator's [Store], the file trust.toml, says which keys belong to which publisher,
// which ids each may sign, from when until when, and which keys are revoked.
// [Store.Verify] holds a bundle against it.
//
// The author of a mod controls every byte of its signature files. Each has one form
// that is taken, to the byte; everything else is refused before it is decoded.
//
// A publisher replaces a key by a rotation: a statement that the old key and the new
// one have signed. See [SignRotation] and [Store.Rotate].
//
// No function looks at a clock: the time is given by the caller. All values may be used
// by several goroutines; a [Store] never changes, what changes it makes a new one.
package trust
