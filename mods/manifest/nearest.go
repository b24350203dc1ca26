package manifest

// maxName is the length of a key, in bytes.
const maxName = 128

// Nearest returns the candidate that takes the fewest edits to reach from
// name (Damerau's optimal string alignment distance), if they are at most a
// third of its length and one; of several the first. To a name that is too long for
// a manifest nothing is near: the work is in proportion to its length.
func Nearest(name string, candidates []string) string {
	if len(name) > maxName {
		return ""
	}
	best, most := "", min(len(name), maxName)/3+1
	for _, candidate := range candidates {
		if d := distance(name, candidate); d <= most && d < len(candidate) && candidate != name {
			best, most = candidate, d-1
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours,
// in bytes. Names are at most maxName long.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
