-- luacheck's own parser and analyses, over programs with faults.
local check = require "luacheck.check"
local parser, lexer = require "luacheck.parser", require "luacheck.lexer"
for _, source in ipairs{
  "local a = 1", "local a, b = 1 print(b)", "x = 1 return x", "for i = 1, 2 do end local t = {a = 1, a = 2} return t",
  "local function f(a, ...) local a = a return f end", "if x then else end goto l ::l::", "local x x = 1 x = 2 return function() x = 3 end",
  "return 1 +", "while true do break end print('\\x')", "local a = 'long' -- luacheck: ignore\nlocal b", "   \nlocal c = 1   ", "for k, v in pairs(t) do end",
  "local t = {} function t:m() end return t.m.n.o", "do return end print(1)", "local a = a; local a = a; repeat local z until z", "::l:: ::l::",
} do
  local ok, report = pcall(check, source)
  if not ok then
    print("raised", type(report) == "table" and report.msg or report)
  else
    local list = {}
    for _, w in ipairs(report.warnings or report) do
      list[#list + 1] = ("%s@%s:%s-%s %s"):format(tostring(w.code), tostring(w.line), tostring(w.column), tostring(w.end_column), tostring(w.name))
    end
    table.sort(list)
    print(#list, table.concat(list, " "))
  end
end
