package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/files"
	"github.com/luasandbox/modrunner/mods/web"
)

// filesFolder is where the capability "files" has its folders, below that of
// --data. The store's file beside it has another name.
const filesFolder = "files"

// offeringFlags are the flags without which run does not offer a capability.
var offeringFlags = map[string]string{"files": "--data DIR", "http": "--http HOST[,HOST...]"}

// offer returns the capabilities that a run has beside those of every host: assets;
// files, if there is a folder for data; http, if there are hosts to ask.
func offer(data string, hosts []string) []mods.Capability {
	all := []mods.Capability{files.Assets()}
	if data != "" {
		all = append(all, files.Capability(files.Options{Dir: filepath.Join(data, filesFolder)}))
	}
	if len(hosts) > 0 {
		c := web.Capability(web.Options{AllowHosts: hosts})
		recheck(&c, "hosts", func(check func(any) error, value any) error {
			err := check(value)
			if err != nil && checkHosts(value) == nil { // it is well formed
				err = fmt.Errorf("%w; --http can", err)
			}
			return err
		})
		all = append(all, c)
	}
	return all
}

// offerAll returns what offer does where all flags are given, with whatever manifests
// may ask for. It is for hosts that run nothing: there is no folder.
func offerAll() []mods.Capability {
	all := offer(".", nil)
	c := web.Capability(web.Options{
		AllowHosts:     []string{"*"},
		AllowMethods:   []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowPlainHTTP: true,
	})
	recheck(&c, "hosts", func(_ func(any) error, value any) error { return checkHosts(value) })
	recheck(&c, "headers", func(_ func(any) error, value any) error {
		list, _ := value.([]string)
		_, err := web.New(web.Options{AllowHeaders: list})
		return ruleCause(err)
	})
	return append(all, c)
}

// recheck puts another check in the place of that of one of c's options.
func recheck(c *mods.Capability, option string, check func(before func(any) error, value any) error) {
	for i := range c.Options {
		if o := &c.Options[i]; o.Name == option {
			before := o.Check
			o.Check = func(value any) error { return check(before, value) }
		}
	}
}

// checkHosts checks the form of the option "hosts" of http: as if whatever it asks
// for were allowed.
func checkHosts(value any) error {
	list, _ := value.([]string)
	client, err := web.New(web.Options{AllowHosts: list})
	if err == nil {
		_, err = client.Allow(web.Rules{Hosts: list})
	}
	return ruleCause(err)
}

// ruleCause words an error of package web without the names of fields and rules.
func ruleCause(err error) error {
	e, ok := errors.AsType[*web.RuleError](err)
	if !ok || e.Value == "" {
		if ok {
			err = e.Err
		}
		return err
	}
	return fmt.Errorf("%.80q: %w", e.Value, e.Err)
}

// checkOffer finds what --allow names and other flags would offer. The error is one
// of usage.
func checkOffer(allow []string, data string, hosts []string) error {
	there := map[string]bool{"files": data != "", "http": len(hosts) > 0}
	for _, name := range allow {
		if offered, ours := there[name]; ours && !offered {
			return fmt.Errorf("--allow %s: there is no %s without %s", name, name, offeringFlags[name])
		}
	}
	return nil
}

// hostsValue is the value of --http.
type hostsValue struct{ to *[]string }

// String returns nothing: there is no default worth showing.
func (v *hostsValue) String() string { return "" }

// Type names the value in the help text.
func (v *hostsValue) Type() string { return "HOST,..." }

// Set adds hosts, as they are written in web.Options.
func (v *hostsValue) Set(text string) error {
	var list []string
	for host := range strings.SplitSeq(text, ",") {
		list = append(list, strings.TrimSpace(host))
	}
	if slices.Contains(list, "") {
		return errors.New(`want hosts such as api.example.org, or *.example.org for all below it`)
	}
	if _, err := web.New(web.Options{AllowHosts: list}); err != nil {
		return fmt.Errorf(`%w; want hosts such as api.example.org, or *.example.org for all below it`, ruleCause(err))
	}
	*v.to = append(*v.to, list...)
	return nil
}
