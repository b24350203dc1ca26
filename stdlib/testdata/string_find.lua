-- find.

local function plain(s, p)
  for _, init in ipairs{-100, -3, -1, 0, 1, 2, 3, 4, 10, 100, 2.9, "2", 1e300, -1e300, 0/0} do
    case("find", s, p, init)
    case("find", s, p, init, true)
  end
end

plain("abcabc", "bc")
plain("abcabc", "")
plain("", "")
plain("", "a")
plain("a.b.c", ".")
plain("a+b%", "%")
plain("abab", "(a)")
plain("aaa", "aaaa")
plain("ab\0ab\0", "b\0")
case("find", "a\0b", "\0")
case("find", "abc", "b", nil, true)
case("find", "abc", "b", 1, false)
case("find", "a(c", "(", 1, 0)
case("find", "a(c", "(", 1, "")
case("find", 12345, 34)
case("find", "12345", 34, "2")
case("find", "abc", "%w", 4)
case("find", "abc", "$", 4)
case("find", "abc", "$", 5)
case("find", "abc", "^b", 2)
case("find", "abc", "^$", 4)
case("find", "alo^", "^$", 1, true)

local long = string.rep("ab", 2000)
case("find", long .. "c", "c")
case("find", long .. "c", "c", 1, true)
case("find", long, "ba", -3)
case("find", long .. "abc" .. long, "abc", 1, true)
case("find", long .. string.rep("ab", 100) .. "c", string.rep("ab", 100) .. "c", 1, true)
case("find", long, string.rep("ab", 1990) .. "b")
case("find", long .. "c", "%w-c")
case("find", long .. "c", "[b]c")
case("find", long .. "c", "bc$")
case("find", long .. "c", ".*c")

for _, args in ipairs{{}, {"a"}, {nil, "a"}, {true, "a"}, {"a", {}}, {"a", "a", {}}, {"a", "a", "x"}, {"a", "a", "1x"}, {print, print}} do
  case("find", args[1], args[2], args[3])
end
report("find()", pcall(call.find))
report("find('a')", pcall(call.find, "a"))

local patterns = {
  "", ".", "%a+", "%d*", "^", "$", "^$", "^%s*$", "[%a_][%w_]*", "%s+$", "^%s+", "()", "()%a()", "(%a)(%d)", "(%a(%d))",
  "[^%s]+", "[a-z]+", "[%a-z]", "[a-%z]", "[]]", "[^]]", "[%]]", "[a]]", "[a-]", "[-a]", "[^-a]", "[%-a]", "[--a]", "[+--]", "[a-c-e]",
  "%f[%w]%w+", "%f[%W]", "%f[^%w]", "%f[\1-\255]", "%b()", "%b\"\"", "%b<>", "(.)%1", "(%w+) %1", "(a*)%1", "(a)(b)%2%1",
  "a-", "a-$", "a-b", ".-b", "(.-)b(.-)", "a?b?c?", "%%", "%.", "%+", "a+?", "a**", "a--", "*a", "+a", "?a", "-a", "a$b", "a^b", "$a",
  "%z", "%Z+", "[%z]", "%x+", "%X+", "%c", "%p+", "%P", "%U", "%L+", "%W%w", "\\d", "%q", "%-", "%\n", "(a", "a)", "()(", "(()", "(a))",
  "%", "a%", "[", "[]", "[^]", "[a", "[a-", "[%", "[%]", "[%a", "%b", "%bx", "%f", "%fx", "%1", "%2(a)", "(a)%2", "(a%1)", "%0", "((a)%1)",
  string.rep("()", 32), string.rep("()", 33), string.rep("(", 40), string.rep("(a?)", 32), string.rep("(a?)", 33),
}
local subjects = {
  "", "a", "abc", "  abc  ", "hello world", "a1 b2", "abab cdcd", "(a(b)c)", "\"q\" <t<u>>", "a.b+c%d-e", "]-^[", "\0\1\0", "x=1,y=22;z", "aaaa", "\255\254a",
}
for _, p in ipairs(patterns) do
  for _, s in ipairs(subjects) do
    case("find", s, p)
  end
end

for i = 1, 1500 do
  case("find", subject(12), pattern(5), random(3) == 1 and random(12) - 4 or nil)
end
