-- __tostring that returns a table, a number, a boolean, a function, nothing.
for _, r in ipairs {{}, true, print, 5, "nothing"} do
  local t = setmetatable({}, {__tostring = function() if r ~= "nothing" then return r end end})
  pcall(tostring, t)
  print((pcall(function() return #(tostring(t) .. "") end)), (pcall(string.format, "%s", t)))
end
--> false	false
--> false	false
--> false	false
--> true	false
--> false	false
