//go:build !unix

package install

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
