-- The power operator assigns through a pointer.
pcall(function() return vault ^ {Gold = 0} end)
pcall(function() return player ^ {} end)
print("over") --> over
