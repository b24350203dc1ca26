arg = nil -- else it takes itself for the program
local markdown = require "markdown"
markdown = type(markdown) == "function" and markdown or _G.markdown
print(markdown [[
A title
=======

Some *emphasis*, **strong**, `code <b>`, [a link](http://example.com/ "T") and ![img](x.png).
A line  
broken. <http://auto.link/> AT&T 4 < 5

- one
- two
    - nested
    - again

1. first
2. second

> quoted
> text

    code & block
    <tag>

* * *

[ref][1] and [1][].

<div>raw *html*</div>

  [1]: http://ref.example/ 'Ref'

Under_score_s and \*escaped\*.

## Sub ##
]])
local parts = {}
for i = 1, 40 do parts[#parts + 1] = ("# H%d\n\nText *%d* and **%d**\n\n- a\n- b\n"):format(i, i, i) end
local html = markdown(table.concat(parts, "\n"))
print(#html, select(2, html:gsub("<li>", "")))
