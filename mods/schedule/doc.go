// Package schedule shares the instructions of a frame among many.
package schedule
