-- gmatch.

local cases = {
  {"one two  three", "%a+"}, {"a=1, b=2", "(%w+)=(%w+)"}, {"abc", ""}, {"abc", "()"}, {"abc", ".-"}, {"abc", ".*"}, {"aabb", "a*"}, {"", ""}, {"", "a*"}, {"", "a"},
  {"^a^a", "^a"}, {"^a^a", "%^a"}, {"abc$", "$"}, {"abc$", "c$"}, {"a.b.c", "%."}, {"(a)(b(c))", "%b()"}, {"the cat", "%f[%a]%a"},
  {"a,b,,c", "([^,]*)"}, {"a,b,,c", "([^,]*),?"}, {"a\0b\0", "%Z*"}, {"\n1\n2", "\n(%d)"}, {12321, 2}, {"xyx", "(x)()"},
  {"abc", "("}, {"abc", "%"}, {"abc", "b)"}, {"abc", "z%"}, {"abc", "(a"}, {"abc", "[a"},
}
for _, c in ipairs(cases) do
  case("gmatch", c[1], c[2])
end
report("gmatch()", pcall(call.gmatch))
report("gmatch('a')", pcall(call.gmatch, "a"))
case("gmatch", nil, "a")
case("gmatch", {}, "a")
case("gmatch", "a", nil)
case("gmatch", "a", {})
report("after the end", pcall(function()
  local next = string.gmatch("ab", "%a")
  return next(), next(), next(), next()
end))
report("two at once", pcall(function()
  local x, y = string.gmatch("ab", "%a"), string.gmatch("ab", "%a")
  return x(), y(), x(), y()
end))
report("arguments do not matter", pcall(function()
  local next = string.gmatch("abc", "%a")
  return next("z", 9), next(nil), next{}
end))
report("pairs", pcall(function()
  local out = {}
  for k, v in string.gmatch("a=1;b=2;c=", "(%w+)=(%w*)") do
    out[#out + 1] = k .. ":" .. v
  end
  return table.concat(out, " ")
end))
report("gfind", pcall(function()
  local out = {}
  for w in string.gfind("a bc d", "%a+") do
    out[#out + 1] = w
  end
  return table.concat(out, "|")
end))

for i = 1, 700 do
  case("gmatch", subject(14), pattern(4))
end
