-- Grows until something gives, catching what can be caught.
local log = {}
local function note(...) log[#log + 1] = table.concat({...}, " ") end
local function deep(n) return 1 + deep(n + 1) end
note(tostring(pcall(deep, 1)))
note(tostring(pcall(string.rep, "x", 1e9)))
note(select(2, pcall(error, {})) and "table" or "none")
local list, fields = {}, {}
for i = 1, 1e9 do
  list[i] = {i, tostring(i)}
  fields["key" .. i] = function() return list end
  if i % 1000 == 0 then print(i, #log, collectgarbage("count")) end
end
