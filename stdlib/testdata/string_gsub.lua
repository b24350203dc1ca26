-- gsub.

local function upper(...) return (string.upper((...))) end
local cases = {
  {"hello world", "o", "0"}, {"hello world", "o", "0", 1}, {"hello", "", "-"}, {"hello", "", "-", 3}, {"", "", "-"}, {"", "a", "-"}, {"", "^", "x"}, {"", "$", "x"},
  {"abc", "%w", "%0%0"}, {"abc", "%w", "%1"}, {"abc", "(%w)", "%1%1"}, {"abc", "%w", "%2"}, {"abc", "(a)(b)", "%2%1"}, {"abc", "()", "%1"}, {"abc", "()b()", "<%1,%2>"},
  {"abc", "b", "%%"}, {"abc", "b", "%"}, {"abc", "b", "x%"}, {"abc", "b", "%a"}, {"abc", "b", "%9"}, {"abc", "z", "%9"}, {"abc", "b", "%\0"}, {"abc", "b", "\0"},
  {"abc", "^a", "x"}, {"aaa", "^a", "x"}, {"abc", "^b", "x"}, {"abc", "c$", "x"}, {"abc$", "$", "x"}, {"abc", "$", "x"}, {"abc", "^", "x"}, {"a^c", "%^", "x"},
  {"abc", "%w*", "x"}, {"abc def", "%w*", "x"}, {"abc", ".-", "x"}, {"abc", "b-", "x"}, {" a  b ", "%s+", "_"}, {"  a ", "^%s*(.-)%s*$", "%1"},
  {"hello", "l", 1}, {"hello", "l", 1.5}, {"hello", "l", 1e300}, {1231, 1, 2}, {"abc", "b", ""}, {"abc", "(b", "x"}, {"abc", "(b", "%1"}, {"abc", "b)", "x"},
  {"abc", "%", "x"}, {"abc", "z%", "x"}, {"abc", "[b", "x"}, {"hello", "l", "x", 0}, {"hello", "l", "x", -1}, {"hello", "l", "x", 1.9}, {"hello", "l", "x", "1"},
  {"hello", "l", "x", 2^31}, {"hello", "l", "x", 2^32 + 1}, {"hello", "l", "x", -2^32 + 1}, {"hello", "l", "x", 1e300}, {"hello", "l", "x", 0/0}, {"hello", "%", "x", 0},
  {"hello", "l", {}}, {"hello", "l", {l = "L"}}, {"hello", "l", {l = 7}}, {"hello", "l", {l = false}}, {"hello", "l", {l = true}}, {"hello", "l", {l = {}}}, {"hello", "l", {l = print}},
  {"a1b2", "(%a)(%d)", {a = "x"}}, {"ab", "()", {"one", "two", "three"}}, {"$name is $age", "%$(%w+)", {name = "Ann", age = 42}},
  {"hello", "l", upper}, {"hello world", "%w+", upper}, {"hello", "(h)(e)", function(a, b) return b .. a end}, {"abc", "()", function(p) return p end},
  {"abc", "%w", function() end}, {"abc", "%w", function() return false end}, {"abc", "%w", function() return nil, "x" end}, {"abc", "%w", function() return true end},
  {"abc", "%w", function() return {} end}, {"abc", "%w", function() return 1, 2 end}, {"abc", "b", function() return print end},
  {"abc", "(b", upper}, {"abc", "b", nil}, {"abc", "b", true}, {"abc", nil, "x"}, {nil, "b", "x"}, {"abc", "b", "x", {}}, {"abc", "b", nil, {}}, {"abc", "b", true, 1}, {{}, "b", "x"},
}
for _, c in ipairs(cases) do
  case("gsub", c[1], c[2], c[3], c[4])
end
report("gsub()", pcall(call.gsub))
report("gsub('a')", pcall(call.gsub, "a"))
report("gsub('a', 'a')", pcall(call.gsub, "a", "a"))
report("__index function", pcall(string.gsub, "abc", "%w", setmetatable({a = 1}, {__index = function(t, k) return k ~= "c" and k .. k end})))
report("__index table", pcall(string.gsub, "abc", "%w", setmetatable({a = 1}, {__index = {b = "B"}})))
report("__index __index", pcall(string.gsub, "abc", "%w", setmetatable({}, {__index = setmetatable({}, {__index = function(_, k) return "<" .. k .. ">" end})})))
report("__index to a table", pcall(string.gsub, "abc", "%w", setmetatable({}, {__index = function() return {} end})))
report("error in a callback", pcall(string.gsub, "abc", "%w", function(c) if c == "b" then error("at " .. c, 0) end end))
report("error value", pcall(string.gsub, "abc", "%w", function() error(7) end))
report("gsub in gsub", pcall(string.gsub, "ab cd", "%a+", function(w) return (w:gsub("%a", function(c) return c .. w:gsub("%a", "-") end)) end))
report("call counts", pcall(function()
  local n = 0
  local s, k = string.gsub("abcabc", "[ab]", function() n = n + 1 return n end)
  return s, k, n
end))
report("no change", pcall(function()
  local s = "abc"
  return string.gsub(s, "x", "y") == s, (string.gsub(s, "b", "b"))
end))
case("gsub", string.rep("ab", 500), "b", "%0%0")
case("gsub", string.rep("ab", 500), "a", string.rep("x", 100))
report("long results", pcall(function()
  local s, n = string.gsub(string.rep("ab", 5000), "(a)(b)", "%2%1%0")
  return #s, n, s:sub(1, 12), s:sub(-12), s == string.rep("baab", 5000)
end))
report("long results", pcall(function()
  local s, n = string.gsub(string.rep("a", 3000), "a", function() return string.rep("xyz", 33) end)
  return #s, n, s == string.rep("xyz", 33 * 3000)
end))
report("long keeps", pcall(function()
  local s, n = string.gsub(string.rep("ab", 3000), "[ab]", {a = "A"})
  return #s, n, s == string.rep("Ab", 3000)
end))

local replacements = {"", "x", "%0", "<%0>", "%1", "%1%2", "%%", "(%1)", "%0%0", "\0"}
for i = 1, 1200 do
  case("gsub", subject(12), pattern(4), pick(replacements), random(4) == 1 and random(5) - 2 or nil)
end
for i = 1, 200 do
  case("gsub", subject(12), pattern(4), {a = "A", b = false, c = 3, ["1"] = "one", ["ab"] = "BA"})
end
for i = 1, 200 do
  local n = 0
  case("gsub", subject(12), pattern(4), function(...)
    n = n + 1
    return pick{"x", 5, false, n, (...)}
  end)
end
