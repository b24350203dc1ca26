-- A text whose tokens take more than the text while it is compiled.
-- clock: unwatched
-- limits: instructions=100000000
local s = "return {" .. ("{},"):rep(200000) .. "}"
return loadstring(s) --# memory
