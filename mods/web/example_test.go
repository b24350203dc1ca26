package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/luasandbox/modrunner/mods/web"
)

// An operator allows one host; a mod's manifest asks for a part of it.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the scores of %s", r.URL.Query().Get("level"))
	}))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]

	client, err := web.New(web.Options{
		AllowHosts:     []string{"scores.example.org" + port},
		AllowPlainHTTP: true,
		// The server of this example is on loopback, which no mod may reach otherwise.
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		DangerouslyAllowAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
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
