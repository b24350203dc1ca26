-- Texts that end in the middle of everything.
local n = 0
for _, s in ipairs {"'", '"', "[[", "[=[", "'\\", "'\\1", '"\\\n', "--[[", "return (", "f(", "f{", "a.", "a:", "a:b", "x =", "local", "local function", "function", "function a.", "function a:b.c() end", "for", "for i", "for i =", "for i = 1", "for i in", "if", "if x", "while", "repeat", "repeat until", "do", "goto", "::", "0x", "1e", "1..2", "a..", "a^", "not", "~", "~=", "=", "==", "<", "...", "@", "$", "\0", "\255", "\27", "return 1 2", "return return", "end", "until x", "else", "elseif", "a", "a.b", "(a)", "'a'", "1", "{}", "function() end"} do
  local f, e = loadstring(s)
  if not f and type(e) == "string" and #e < 200 then n = n + 1 else print("ESCAPED", s, f, e) end
end
print(n) --> 63
