-- Splits a chat line into words, with quotes, escapes and --options.

local parser = {}

local escapes = { n = "\n", t = "\t" }

-- words(line) returns a list of words, or nil and a message with the column
-- of the fault. A bare word ends at white space; 'single' quotes keep all,
-- "double" quotes and bare words know backslash escapes.
function parser.words(line)
  local words, current, i = {}, nil, 1
  while i <= #line do
    local c = line:sub(i, i)
    if c:match("%s") then
      words[#words + 1] = current
      current = nil
      i = i + 1
    elseif c == "'" then
      local close = line:find("'", i + 1, true)
      if not close then return nil, ("unclosed ' at column %d"):format(i) end
      current = (current or "") .. line:sub(i + 1, close - 1)
      i = close + 1
    elseif c == '"' then
      local from, piece = i, {}
      i = i + 1
      while true do
        local stop = line:find('["\\]', i)
        if not stop then return nil, ('unclosed " at column %d'):format(from) end
        piece[#piece + 1] = line:sub(i, stop - 1)
        i = stop + 1
        if line:sub(stop, stop) == '"' then break end
        local escaped = line:sub(i, i)
        piece[#piece + 1] = escapes[escaped] or escaped
        i = i + 1
      end
      current = (current or "") .. table.concat(piece)
    elseif c == "\\" then
      if i == #line then return nil, ("nothing to escape at column %d"):format(i) end
      current = (current or "") .. line:sub(i + 1, i + 1)
      i = i + 2
    else
      local run = line:match("^[^%s'\"\\]+", i)
      current = (current or "") .. run
      i = i + #run
    end
  end
  words[#words + 1] = current
  return words
end

-- options(words) takes --key=value and --flag out of the words and returns
-- the rest and the options. After a bare "--" everything is a word.
function parser.options(words)
  local rest, options, open = {}, {}, true
  for _, word in ipairs(words) do
    local key, value = word:match("^%-%-([%a][%w-]*)=?(.*)$")
    if open and word == "--" then
      open = false
    elseif open and key then
      options[key] = word:find("=", 1, true) and value or true
    else
      rest[#rest + 1] = word
    end
  end
  return rest, options
end

return parser
