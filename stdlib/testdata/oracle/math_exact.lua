-- Functions whose results are exact, or a matter of the arguments only.
numbers = { "0", "-0", "1", "-1", "0.5", "-0.5", "1.5", "-1.5", "2.5", "-2.5", "3", "10", "-10", "0.1", "1/3", "1e-5", "1e10", "-1e10", "123456.789", "1e15", "1e15+0.5", "2^31", "2^31-1", "-2^31", "2^32", "2^52+0.5", "2^53", "2^53+2", "-2^53", "2^63", "1e100", "-1e100", "1e308", "-1e308", "2^-1022", "2^-1074", "-2^-1074", "math.huge", "-math.huge", "0/0" }
for _, f in ipairs { "abs", "ceil", "floor", "sqrt", "frexp", "modf", "deg", "rad" } do
  for _, x in ipairs(numbers) do try("math." .. f .. "(" .. x .. ")") end
end
for _, f in ipairs { "fmod", "mod" } do
  for _, x in ipairs(f == "mod" and { "5", "-5.5" } or { "0", "-0", "1", "5", "-5", "5.5", "-5.5", "1e15", "1e300", "2^-1074", "math.huge", "0/0", "-7", "2^53" }) do
    for _, y in ipairs { "1", "3", "-3", "0.1", "2.5", "0", "-0", "1e-300", "1e300", "math.huge", "-math.huge", "0/0", "2^-1074", "7" } do
      try("math." .. f .. "(" .. x .. ", " .. y .. ")")
    end
  end
end
for _, m in ipairs { "1", "-1", "0.5", "0.75", "-0", "3", "1e300", "2^-1074", "math.huge", "0/0", "1 + 2^-52" } do
  for _, e in ipairs { "0", "1", "-1", "10", "1023", "1024", "-1022", "-1073", "-1074", "-1075", "2000", "-2000", "2147483647", "-2147483648", "2147483648", "1.9", "-1.9", "'3'" } do
    try("math.ldexp(" .. m .. ", " .. e .. ")")
  end
end
each("math.max($)", { "", "1", "1, 2", "2, 1", "1, 2, 3, -1", "-1, -2", "'3', 2", "'x'", "1, 'x'", "1, nil", "nil", "{}", "0/0, 1", "1, 0/0", "math.huge, 1", "-0, 0", "0, -0", "1, 1.5, 1.25" })
each("math.min($)", { "", "1", "1, 2", "2, 1", "1, 2, 3, -1", "-1, -2", "'3', 2", "'x'", "1, 'x'", "1, nil", "nil", "{}", "0/0, 1", "1, 0/0", "math.huge, 1", "-0, 0", "0, -0", "1, 1.5, 1.25" })
each("pcall(math.max, $)", { "nil", "1, 2", "1, {}" })
for _, f in ipairs { "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp", "floor", "frexp", "log", "log10", "modf", "rad", "sin", "sinh", "sqrt", "tan", "tanh" } do
  each("math." .. f .. "($)", { "", "nil", "'x'", "{}", "true" })
end
for _, f in ipairs { "atan2", "fmod", "ldexp", "pow", "mod" } do
  each("math." .. f .. "($)", { "", "1", "nil, 1", "1, nil", "'x', 1", "1, 'x'", "1, {}", "{}, 1" })
end
each("math.random($)", { "0", "-1", "2, 1", "1, 2, 3", "'x'", "1, 'x'", "nil", "1, nil", "{}", "0.5", "2^31", "1, 2^31", "0/0", "math.huge", "-5, -6", "1", "5, 5", "1.9", "'1'", "-3, -3", "2^32 + 1", "2^31 - 1, 2^31 - 1", "-2^31, -2^31" })
each("math.randomseed($)", { "", "nil", "1", "'x'", "'5'", "{}", "1.5", "-1", "1e300" })
try("select('#', math.randomseed(1))")
try("math.randomseed(5) local a, b = math.random(), math.random(1000) math.randomseed(5) return a == math.random(), b == math.random(1000)")
try("for i = 1, 1000 do local r = math.random() if not (r >= 0 and r < 1) then return r end end")
try("for i = 1, 1000 do local r = math.random(6) if r < 1 or r > 6 or r ~= math.floor(r) then return r end end")
try("for i = 1, 1000 do local r = math.random(-3, 3) if r < -3 or r > 3 or r ~= math.floor(r) then return r end end")
try("local seen = {} for i = 1, 1000 do seen[math.random(6)] = true end return seen")
try("math.pi")
try("math.huge")
