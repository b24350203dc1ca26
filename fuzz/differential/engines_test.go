package differential

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// chunk is what programs are called in messages.
const chunk = "p"

// raised stands in the output of a program that an error ended.
const raised = "!! "

// bounds are more than any of the programs needs.
var bounds = limits.Limits{
	Instructions: 50_000_000, Memory: 64 << 20, Output: limits.Unlimited, Time: limits.UnlimitedTime, HostCalls: limits.Unlimited,
}

// compiled is the prelude.
var compiled = sync.OnceValues(func() (*luasandbox.Program, error) {
	return luasandbox.Compile("prelude", prelude, bounds)
})

// ours returns what a program prints in a sandbox.
func ours(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{Limits: bounds, Output: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(context.Background(), before); err != nil {
		t.Fatal(err)
	}
	p, err := luasandbox.Compile(chunk, text, bounds)
	if err != nil {
		return fmt.Sprintf("%sdoes not compile: %v\n", raised, err)
	}
	_, err = s.Load(context.Background(), p)
	var script *luasandbox.ScriptError
	switch {
	case err == nil:
	case errors.As(err, &script):
		message, ok := script.Value.(string)
		if !ok {
			message = "an object"
		}
		out.WriteString(raised + message + "\n")
	default:
		out.WriteString(fmt.Sprintf("%s%T: %v\n", raised, err, err))
	}
	return normal(out.String())
}

var nan = regexp.MustCompile(`-nan\b`)

// normal takes out of a program's output what need not be the same: the sign of a
// NaN.
func normal(output string) string { return nan.ReplaceAllString(output, "nan") }

// cDriver reads programs, each with its length on the line before it, and runs each
// with globals of its own.
const cDriver = `
local prelude = [==[` + prelude + `]==]
local function copy(t)
  local new = {}
  for k, v in pairs(t) do new[k] = v end
  return new
end
local read, write, pcall, loadstring, setfenv = io.read, io.write, pcall, loadstring, setfenv
while true do
  local n = io.read("*n")
  if not n then break end
  io.read(1)
  local text = io.read(n)
  local f, message = loadstring(text, "@` + chunk + `")
  if f then
    local env = copy(_G)
    for _, name in ipairs{"string", "table", "math", "coroutine"} do env[name] = copy(_G[name]) end
    env._G = env
    setfenv(assert(loadstring(prelude, "@prelude")), env)()
    setfenv(f, env)
    local ok, e = pcall(f)
    if not ok then print("` + raised + `" .. (type(e) == "string" and e or "an object")) end
  else
    print("` + raised + `does not compile: " .. message)
  end
  write("` + boundary + `\n")
  io.flush()
end`

// boundary ends the output of one program.
const boundary = "\x01\x02 next"

// died is the output of a program that kills the engine it runs on.
const died = raised + "killed the process\n"

// batch returns what each of several programs prints in a child process that reads
// programs like cDriver. If the child dies it tries each program alone.
func batch(t testing.TB, child func() *exec.Cmd, texts []string) []string {
	t.Helper()
	cmd := child()
	var in, out, stderr bytes.Buffer
	for _, text := range texts {
		fmt.Fprintf(&in, "%d\n%s", len(text), text)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &stderr
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Exited() {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		if len(texts) == 1 {
			return []string{died}
		}
		var all []string
		for _, text := range texts {
			all = append(all, batch(t, child, []string{text})...)
		}
		return all
	}
	parts := strings.Split(out.String(), boundary+"\n")
	if len(parts) != len(texts)+1 {
		t.Fatalf("%d outputs of %d programs\n%s", len(parts)-1, len(texts), stderr.String())
	}
	for i, p := range parts {
		parts[i] = normal(p)
	}
	return parts[:len(texts)]
}

// inC returns what programs print in C Lua, or skips the test.
func inC(t testing.TB, texts []string) []string {
	t.Helper()
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed: nothing to compare with")
	}
	return batch(t, func() *exec.Cmd {
		cmd := exec.Command(path, "-e", cDriver)
		cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
		return cmd
	}, texts)
}

// stockVariable tells a child of this test to be gopher-lua.
const stockVariable = "DIFFERENTIAL_STOCK"

// inStock returns what programs print on gopher-lua as it is.
func inStock(t testing.TB, texts []string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return batch(t, func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), stockVariable+"=1")
		return cmd
	}, texts)
}

func TestMain(m *testing.M) {
	if os.Getenv(stockVariable) != "" {
		if err := stock(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// stock is the child's part of inStock.
func stock() error {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return err
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		state := lua.NewState()
		if err := state.DoString(prelude); err != nil {
			return err
		}
		if f, err := state.Load(bytes.NewReader(text), chunk); err != nil {
			fmt.Printf("%sdoes not compile: %v\n", raised, err)
		} else {
			state.Push(f)
			if err := state.PCall(0, 0, nil); err != nil {
				fmt.Println(raised + "an error")
			}
		}
		state.Close()
		fmt.Println(boundary)
	}
}
