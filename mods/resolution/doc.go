// Package resolution chooses versions: given what is asked for and which versions of
// which mods there are, [Resolve] returns one version of each mod that is needed, the
// libraries of each, and the order in which they are loaded; or it explains why there
// is no such choice.
//
// The choice depends on nothing but the request and the universe: not on the order of
// lists, the clock or chance. What is locked stays as it is if that is possible;
// otherwise the newest version is taken that fits.
//
// Whoever publishes mods is assumed to control every requirement and to want the
// search to take for ever: it is counted in steps and ends with a [*LimitError] when
// these are spent. Nothing recurses on what they wrote.
//
// # What the requirements of a version mean
//
//   - A dependency is there, in the range, and is no library. It is loaded before.
//   - An optional dependency that is there is in the range, and is loaded before, if
//     that closes no circle. It is never brought in by being optional.
//   - A conflict is not there in the range.
//   - What it is loaded after is loaded before it, if it is there in the range and that
//     closes no circle.
//   - A library is copied into the one mod that names it. Each mod has one version of
//     each library that it or its libraries name; two mods may have two versions.
//   - The range of the host's API holds the version that the host has.
//
// A prerelease is in a range only if the range names one. A version that was yanked is
// taken only if it is locked. Mods, and the libraries of one mod, do not need each
// other in a circle.
package resolution
