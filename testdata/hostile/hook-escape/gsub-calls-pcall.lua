-- A library function that calls a library function that calls the script.
while true do
  pcall(string.gsub, ("x"):rep(100), "x", function(s) pcall(pcall, function() while true do end end) end)
end --# instructions
