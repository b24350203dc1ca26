package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
)

// Failure is why there is no response to a request that was allowed.
type Failure string

// The failures.
const (
	FailureTimeout     Failure = "timeout"     // it took longer than allowed
	FailureCancelled   Failure = "cancelled"   // the context of Do ended
	FailureName        Failure = "name"        // the host has no address
	FailureAddress     Failure = "address"     // an address of the host may not be dialled
	FailureConnect     Failure = "connect"     // no connection, or it broke
	FailureCertificate Failure = "certificate" // the server cannot prove that it is the host
	FailureProtocol    Failure = "protocol"    // the response is not HTTP, or its headers are too many
	FailureRedirect    Failure = "redirect"    // a redirect leads to where the request may not go, or there are too many
	FailureTooLarge    Failure = "too large"   // the response's body is longer than allowed
)

// FailedError says that there is no response to a request that was allowed. Where
// the request got to is not known, unless the failure tells.
type FailedError struct {
	Failure Failure
	Host    string // that was asked last
	Detail  string // for the script, beside the failure; may be empty
	// Err is the cause; may be nil. It may name addresses of the operator's
	// network, and is for logs only.
	Err error
}

// Error tells all, addresses included.
func (e *FailedError) Error() string {
	if e.Err != nil {
		return e.LuaMessage() + " (" + e.Err.Error() + ")"
	}
	return e.LuaMessage()
}

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Err }

// LuaMessage is what a script may know: the same text for the same failure,
// whatever the cause was.
func (e *FailedError) LuaMessage() string {
	text := map[Failure]string{
		FailureTimeout:     "%s did not answer in time",
		FailureCancelled:   "the request to %s was cancelled",
		FailureName:        "%s is not known",
		FailureAddress:     "%s has an address that is not on the public internet",
		FailureConnect:     "there is no connection to %s",
		FailureCertificate: "%s has no valid certificate",
		FailureProtocol:    "%s did not answer in HTTP as it should",
		FailureRedirect:    "a redirect by %s is not followed",
		FailureTooLarge:    "the response of %s is too large",
	}[e.Failure]
	text = fmt.Sprintf(text, e.Host)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// failed makes the one type of error of whatever ended a request.
func failed(parent, ctx context.Context, host string, err error) error {
	known, isKnown := errors.AsType[*FailedError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isKnown && known.Failure != FailureConnect && known.Failure != FailureName:
		return known
	case parent.Err() != nil && !errors.Is(parent.Err(), context.DeadlineExceeded):
		return &FailedError{Failure: FailureCancelled, Host: host, Err: err}
	case ctx.Err() != nil:
		return &FailedError{Failure: FailureTimeout, Host: host, Err: err}
	case isKnown:
		return known
	case badCertificate:
		return &FailedError{Failure: FailureCertificate, Host: host, Err: err}
	}
	return &FailedError{Failure: FailureProtocol, Host: host, Err: err}
}
