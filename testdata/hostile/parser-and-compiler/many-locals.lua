-- Two hundred and one locals.
-- generate
return ("local a "):rep(201) --!! too many local variables
