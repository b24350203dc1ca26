-- A source that is too large by one byte.
-- generate
return (" "):rep(1024 * 1024 + 1) --# source
