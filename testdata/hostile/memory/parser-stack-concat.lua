-- Two hundred thousand strings joined, which is legal, and each of which the parser keeps until it has seen the last.
-- limits: instructions=100000000
return #loadstring("return 'a'" .. ("..'a'"):rep(200000))() --# memory
