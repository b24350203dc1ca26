-- Text templates: ${name} and ${name|filter|filter:argument}.

local template = {}

local filters = {}

function filters.upper(value) return tostring(value):upper() end
function filters.title(value)
  return (tostring(value):gsub("(%a)([%w']*)", function(first, rest) return first:upper() .. rest end))
end
function filters.format(value, how) return ("%" .. how):format(value) end
function filters.default(value, text)
  if value == nil then return text end
  return value
end
function filters.a(value)
  local word = tostring(value)
  return (word:match("^[aeiouAEIOU]") and "an " or "a ") .. word
end
function filters.list(values)
  local n = #values
  if n < 2 then return values[1] or "nothing" end
  return table.concat(values, ", ", 1, n - 1) .. " and " .. values[n]
end
function filters.plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

-- fill(text, values) replaces each ${…}; a name without a value, an unknown
-- filter or one that fails is an error that names the placeholder.
function template.fill(text, values)
  return (text:gsub("%${([^}]*)}", function(spec)
    local name, rest = spec:match("^([%w_]+)(.*)$")
    if not name then error(("bad placeholder ${%s}"):format(spec), 0) end
    local value = values[name]
    for filter, argument in rest:gmatch("|([%w_]+):?([^|]*)") do
      local f = filters[filter]
      if not f then error(("no filter %s in ${%s}"):format(filter, spec), 0) end
      local ok, result = pcall(f, value, argument)
      if not ok then error(("${%s}: %s"):format(spec, tostring(result)), 0) end
      value = result
    end
    if value == nil then error(("no value for ${%s}"):format(spec), 0) end
    return tostring(value)
  end))
end

-- wrap(text, width) breaks at spaces and returns a list of lines.
function template.wrap(text, width)
  local lines, line = {}, nil
  for word in text:gmatch("%S+") do
    if line and #line + 1 + #word > width then
      lines[#lines + 1] = line
      line = word
    else
      line = line and (line .. " " .. word) or word
    end
  end
  lines[#lines + 1] = line
  return lines
end

return template
