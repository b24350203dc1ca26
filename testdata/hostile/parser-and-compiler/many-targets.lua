-- An assignment to ten thousand places.
-- generate
return "a" .. (",a"):rep(10000) .. " = 1" --!! too complex
