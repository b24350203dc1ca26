package install

import "os"

const nonblock = 0

// syncFolder does nothing: the system makes names durable by itself.
func syncFolder(*os.File) error { return nil }
