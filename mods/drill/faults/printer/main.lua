-- Prints so many bytes in one call.
local want = 0
return {
  begin = function(bytes) want = bytes end,
  tick = function()
    local line = string.rep("flood ", 1000)
    while want > 0 do
      print(line)
      want = want - #line
    end
  end,
}
