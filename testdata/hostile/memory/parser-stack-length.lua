-- Operators of one operand, each of which the parser keeps until it has seen the last.
-- limits: memory=16777216 instructions=100000000
-- clock: unwatched
local f, why = loadstring("return " .. ("#"):rep(3e5) .. "''")
print(f, why:match("too many syntax levels")) --> nil	too many syntax levels
