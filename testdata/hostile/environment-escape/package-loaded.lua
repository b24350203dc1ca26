-- What require would find, and what module would make.
-- stock: full
print(package, require, module) --> nil	nil	nil
if package and package.loaded then
  package.loaded.string.rep = function() return "poison" end
  print("ESCAPED", package.loaded._G == _G, package.path)
end
