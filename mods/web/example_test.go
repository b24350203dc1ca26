package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/web"
)

// scores is a server for examples, and the options with which it is reached. It is
// on loopback, which no mod may reach otherwise.
func scores() (server *httptest.Server, port string, options web.Options) {
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the scores of %s", r.URL.Query().Get("level"))
	}))
	port = server.URL[strings.LastIndex(server.URL, ":"):]
	return server, port, web.Options{
		AllowHosts:     []string{"scores.example.org" + port},
		AllowPlainHTTP: true,
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		DangerouslyAllowAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
}

// A game whose mods may ask one server.
func ExampleCapability() {
	server, port, options := scores()
	defer server.Close()
	host, err := mods.Open(mods.Config{
		Capabilities: []mods.Capability{web.Capability(options)},
		Policy:       mods.Policy{Allow: []string{"http"}},
		Output:       os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte(`
			[mod]
			id = "scoreboard"
			version = "1.0.0"
			[permissions]
			http = { hosts = ["scores.example.org` + port + `"], plain_http = true, reason = "shows the best" }`)},
		"main.lua": {Data: []byte(`
			local url = "http://scores.example.org` + port + `/?level="
			local answer, message = http.get(url .. http.escape("the cave"))
			print(answer and answer.body or message)
			print((pcall(http.get, "https://elsewhere.example/")))`)},
	}, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := host.Load(mods.Source{Bundle: b})
	if err != nil {
		fmt.Println(err)
		return
	}
	for loaded[0].Report().State == mods.Loaded { // until the main file has run
		if err := host.Tick(context.Background(), time.Second/60); err != nil {
			fmt.Println(err)
			return
		}
		time.Sleep(time.Millisecond)
	}
	// Output:
	// [scoreboard] the scores of the cave
	// [scoreboard] false
}

// An operator allows one host; a mod's manifest asks for a part of it.
func Example() {
	server, port, options := scores()
	defer server.Close()
	client, err := web.New(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	access, err := client.Allow(web.Rules{
		Hosts:     []string{"scores.example.org" + port},
		Paths:     []string{"/v1"},
		PlainHTTP: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	call, err := access.Prepare(web.Request{URL: "http://scores.example.org" + port + "/v1/best?level=" + web.Escape("the cave")})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := call.Do(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, answer.Body)

	_, err = access.Prepare(web.Request{URL: "http://scores.example.org" + port + "/admin"})
	fmt.Println(err)
	// Output:
	// 200 the scores of the cave
	// http: the path /admin is not below one of the paths of the manifest (/v1)
}

// What is not named by an operator, no mod gets.
func ExampleClient_Allow() {
	client, err := web.New(web.Options{AllowHosts: []string{"*.example.org"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, hosts := range [][]string{{"api.example.org"}, {"example.com"}, {"127.0.0.1"}, {"*"}} {
		_, err := client.Allow(web.Rules{Hosts: hosts})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// hosts: "example.com": the host does not allow it
	// hosts: "127.0.0.1": no host that can be asked: it is an address, or ends like one; a name is needed
	// hosts: "*": name the hosts; "*" alone is not possible
}
