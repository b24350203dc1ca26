-- Strings joined, which is legal, and each of which the parser keeps until it has seen the last.
-- limits: memory=16777216 instructions=100000000
-- clock: unwatched
return #loadstring("return 'a'" .. ("..'a'"):rep(100000))() --# memory
