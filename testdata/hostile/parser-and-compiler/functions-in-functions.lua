-- Functions in functions, each a level of the compiler.
-- generate
return ("local function f() "):rep(20000) .. ("end "):rep(20000) --!! too many syntax levels
