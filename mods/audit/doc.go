// Package audit keeps an append-only log of what mods were granted and denied,
// did wrong and asked for.
package audit
