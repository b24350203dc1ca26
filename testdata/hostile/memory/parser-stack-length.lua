-- A million operators of one operand, each of which the parser keeps until it has seen the last.
-- limits: instructions=100000000
local f, why = loadstring("return " .. ("#"):rep(1e6) .. "''")
print(f, why:match("too many syntax levels")) --> nil	too many syntax levels
