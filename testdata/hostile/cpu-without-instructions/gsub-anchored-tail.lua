-- An anchor that is no anchor: the pattern is tried from every place.
local s = (" "):rep(30000) .. "x"
return (s:gsub("%s+$", "")) --# instructions
