package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// chatLine is something that a player says in the course of a run: an event
// "chat" with a table {player = ..., text = ...}.
type chatLine struct {
	tick         int64
	player, text string
}

// ourChat is what players say unless a file says otherwise: questions that mods
// may have an answer to.
const ourChat = `
3 alice hello, everybody
5 alice !help
8 bob !calc 2*(3+4)^2 - -1
11 bob !say "two words" --shout
14 alice !pirce bread
16 alice !price bread
18 bob !price frog
21 bob !say "unclosed
24 alice !roll 3d6+2
26 alice !roll 3d6+2
29 alice !quests
32 bob !buy bread 3
35 bob !name elf 3
40 alice !time
`

const chatWanted = "a file of lines of chat, or - for standard input"

// mostChat is the largest file of chat lines, in bytes.
const mostChat = 1 << 20

// chatLines returns the lines of a run. The errors are those of parseChat,
// *refusal and *limits.CancelledError.
func (c *console) chatLines(ctx context.Context, o runOptions) ([]chatLine, error) {
	if o.noChat {
		return nil, nil
	}
	if o.chat == "" {
		return parseChat("chat", ourChat)
	}
	text, err := readSource(ctx, o.chat, chatWanted, c.in, limits.Limits{Source: mostChat})
	if limit, ok := errors.AsType[*limits.Error](err); ok {
		return nil, &refusal{What: o.chat, Reason: size(limit.Asked) + " of chat", Want: "at most " + size(limit.Max), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return parseChat(o.chat, text)
}

// parseChat reads lines such as "5 alice !roll 2d6": the tick, the player, the
// text. Empty lines, and lines that begin with #, are skipped. The order of the
// ticks is free. The error is a *refusal that names the line.
func parseChat(name, text string) ([]chatLine, error) {
	var lines []chatLine
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		tickText, rest, _ := strings.Cut(line, " ")
		player, said, _ := strings.Cut(strings.TrimSpace(rest), " ")
		tick, err := strconv.ParseInt(tickText, 10, 64)
		if err != nil || tick < 1 || player == "" || strings.TrimSpace(said) == "" {
			return nil, &refusal{
				What:   fmt.Sprintf("%s:%d", name, number),
				Reason: fmt.Sprintf("%.60q is not a line of chat", line),
				Want:   `a tick, a player and a text, such as "5 alice !roll 2d6"`,
			}
		}
		lines = append(lines, chatLine{tick: tick, player: player, text: strings.TrimSpace(said)})
	}
	return lines, nil
}
