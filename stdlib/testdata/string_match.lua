-- match.

local cases = {
  {"key = value", "^(%w+)%s*=%s*(%w+)$"}, {"  trim me  ", "^%s*(.-)%s*$"}, {"2024-12-31", "(%d+)-(%d+)-(%d+)"},
  {"#ff8000", "^#(%x%x)(%x%x)(%x%x)$"}, {"/usr/lib/lua.so", "([^/]+)%.(%w+)$"}, {"/usr/lib/lua.so", "^(.*)/"},
  {"THE (quick) fox", "%((%a+)%)"}, {"-12.5e3", "^[+-]?%d+%.?%d*[eE]?[+-]?%d*$"}, {"a,b,,c", "([^,]*),([^,]*),([^,]*)"},
  {"say \"it's\"", "([\"'])(.-)%1"}, {"[[long]]", "%[(=*)%[(.-)%]%1%]"}, {"[==[x]=]]==]", "%[(=*)%[(.-)%]%1%]"},
  {"f(a(b)(c))d", "f(%b())"}, {"hello", "()ll()"}, {"hello", "(h)(.)(%2*)"}, {"", "()"}, {"abc", "(((a)b)c)"},
  {"x", "(x?)(x?)(x?)"}, {"one two", "(%a+) (%a+) ?(%a*)"}, {"aXbXc", "(.-)X"}, {"aXbXc", "(.*)X"}, {"ab12", "%a+()%d+()"},
  {"\0a\0", "%z(%a)%z"}, {"12", 1}, {12, "(1)"}, {"abc", "b", 3}, {"abc", "b", -2}, {"abc", "^b", 2}, {"abc", "", 10}, {"abc", "()", 10},
}
for _, c in ipairs(cases) do
  case("match", c[1], c[2], c[3])
end
case("match", string.rep("x", 300) .. "y", "^(x*)y$")
case("match", string.rep("x", 300) .. "y", "x*")
case("match", string.rep("x,", 300), "^(.-),(.-),(.*),$")
case("match", string.rep("x,", 3000) .. "end", "(%a+)$")
report("match()", pcall(call.match))
report("match('a')", pcall(call.match, "a"))
case("match", nil, "a")
case("match", "a", {})
case("match", "a", "a", {})

for i = 1, 1500 do
  case("match", subject(12), pattern(6), random(4) == 1 and random(12) - 4 or nil)
end
