local core = require "cliargs.core"
local function new()
  local cli = core()
  cli:set_name "prog"
  cli:set_description "what it does"
  cli:argument("INPUT", "the input")
  cli:splat("MORE", "more of them", nil, 3)
  cli:option("-o, --output=FILE", "where to", "a.out")
  cli:option("-n, --number=N", "how many", nil, function(_, v) if not tonumber(v) then return nil, "not a number" end end)
  cli:flag("-v, --[no-]verbose", "more output", false)
  return cli
end
for _, args in ipairs{{"in"}, {"in", "a", "b"}, {"-o", "x", "in"}, {"--output=y", "-v", "in"}, {"in", "1", "2", "3", "4"}, {}, {"--none", "in"}, {"-n", "x", "in"}, {"--no-verbose", "in"}} do
  local r, message = new():parse(args)
  print(table.concat(args, " "), type(r) == "table" and tostring(r.INPUT) .. " " .. tostring(r.o) .. " " .. tostring(r.v) .. " " .. #(type(r.MORE) == "table" and r.MORE or {}) or r, message)
end
print(new().printer.generate_usage())
print(new().printer.generate_help())
