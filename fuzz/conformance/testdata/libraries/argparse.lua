local argparse = require "argparse"
local parser = argparse("prog", "Does things.", "The end.")
parser:argument("input", "A file.")
parser:argument("rest"):args("*")
parser:option("-o --output", "Where.", "a.out")
parser:option("-n --number"):convert(tonumber):count("*")
parser:flag("-v --verbose", "More."):count("0-3"):target("level")
parser:option("--mode"):choices{"fast", "slow"}
parser:mutex(parser:flag("-q --quiet"), parser:flag("-l --loud"))
local command = parser:command("add", "Adds."):require_command(false)
command:option("-x")
parser:require_command(false)
local function try(...)
  local ok, r = parser:pparse{...}
  if not ok then print("error", r) return end
  local keys = {}
  for k in pairs(r) do keys[#keys + 1] = k end
  table.sort(keys)
  for i, k in ipairs(keys) do
    local v = r[k]
    keys[i] = k .. "=" .. (type(v) == "table" and "{" .. table.concat((function() local s = {} for j, x in ipairs(v) do s[j] = tostring(x) end return s end)(), ",") .. "}" or tostring(v))
  end
  print(table.concat(keys, " "))
end
try("f") try("f", "-o", "x", "a", "b") try("f", "-n1", "-n", "2") try("f", "-vv", "--mode", "fast") try("f", "-vvvv") try("f", "--mode=no")
try() try("f", "-q", "-l") try("f", "--outptu", "x") try("f", "-n", "x") try("f", "--", "-o") try("f", "-qv")
print(parser:get_usage())
print(parser:get_help())
