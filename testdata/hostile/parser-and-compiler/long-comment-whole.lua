-- A comment of nearly a megabyte that does not end.
-- generate
return "--[[" .. ("] "):rep(500000) --!! unfinished
