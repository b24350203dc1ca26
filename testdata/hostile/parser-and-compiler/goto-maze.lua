-- Jumps into scopes, out of functions, to labels that are not there, to labels twice.
for _, s in ipairs {
  "goto x do ::x:: end", "goto x local a ::x:: print(a)", "do goto x end local a ::x:: a = 1", "function f() goto x end ::x::", "::x:: ::x::", "goto nowhere",
  "repeat goto x local a ::x:: until a", "break", "for i = 1, 2 do function f() break end end", "goto", "::x", "goto 1", "::1::",
} do if loadstring(s) then print("ESCAPED", s) end end
print("over") --> over
