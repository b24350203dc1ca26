-- Takes memory until it has so many bytes. That is a bound of the drill's: a host
-- without a limit is told from one with a limit, and not killed.
local kept, want = {}, 0
return {
  begin = function(bytes) want = bytes end,
  tick = function()
    local piece = 256 * 1024
    while #kept * piece < want do kept[#kept + 1] = string.rep(string.char(#kept % 256), piece) end
  end,
}
