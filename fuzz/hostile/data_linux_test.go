package hostile

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const canLimitData = true

// limitData lets this process have no more than n bytes of data. It counts what is
// mapped to be written to, and not what is reserved, of which Go reserves much.
func limitData(n uint64) error {
	const rlimitData = 2
	return syscall.Setrlimit(rlimitData, &syscall.Rlimit{Cur: n, Max: n})
}

// data returns how many bytes limitData would count now.
func data() (uint64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "VmData:")
	var kib uint64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		return 0, err
	}
	return kib << 10, nil
}

// used is the time that processors have spent on this process, Go's collector
// included.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// limitProcessor ends this process when it has used d.
func limitProcessor(d time.Duration) error {
	n := uint64(d / time.Second)
	return syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: n, Max: n})
}

// exhausted reports whether limitProcessor ended a process.
func exhausted(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL)
}
