-- Arithmetic by precedence climbing: numbers, + - * / % ^, unary minus and
-- parentheses. Nesting is limited, as the text comes from any player.

local DEEPEST = 40

-- left binding power and right binding power of each operator
local binary = {
  ["+"] = { 1, 2, function(a, b) return a + b end },
  ["-"] = { 1, 2, function(a, b) return a - b end },
  ["*"] = { 3, 4, function(a, b) return a * b end },
  ["/"] = { 3, 4, function(a, b) return a / b end },
  ["%"] = { 3, 4, function(a, b) return a % b end },
  ["^"] = { 8, 7, function(a, b) return a ^ b end },
}
local UNARY = 6

local function tokens(text)
  local list = {}
  local i = 1
  while true do
    i = text:match("^%s*()", i)
    if i > #text then return list end
    local number, after = text:match("^(%d*%.?%d+)()", i)
    if number then
      list[#list + 1] = tonumber(number)
      i = after
    else
      local symbol = text:match("^[%+%-%*/%%%^%(%)]", i)
      if not symbol then error({ message = ("column %d: unexpected '%s'"):format(i, text:sub(i, i)) }) end
      list[#list + 1] = symbol
      i = i + 1
    end
  end
end

local expression

local function operand(list, at, depth)
  if depth > DEEPEST then error({ message = "nested too deeply" }) end
  local token = list[at]
  if type(token) == "number" then return token, at + 1 end
  if token == "-" then
    local value, after = expression(list, at + 1, UNARY, depth + 1)
    return -value, after
  end
  if token == "(" then
    local value, after = expression(list, at + 1, 0, depth + 1)
    if list[after] ~= ")" then error({ message = "missing )" }) end
    return value, after + 1
  end
  error({ message = token and ("unexpected '%s'"):format(token) or "unexpected end" })
end

function expression(list, at, least, depth)
  local left
  left, at = operand(list, at, depth)
  while true do
    local op = binary[list[at]]
    if not op or op[1] < least then return left, at end
    local right
    right, at = expression(list, at + 1, op[2], depth + 1)
    left = op[3](left, right)
  end
end

-- calc(text) returns a number, or nil and what is wrong with the text.
return function(text)
  local ok, result = pcall(function()
    local list = tokens(text)
    local value, after = expression(list, 1, 0, 0)
    if list[after] ~= nil then error({ message = ("unexpected '%s'"):format(tostring(list[after])) }) end
    return value
  end)
  if ok then return result end
  if type(result) == "table" then return nil, result.message end
  error(result, 0)
end
