package bundle

// ParseContents is parseContents, for tests of the text alone.
var ParseContents = parseContents
