-- Everything in the libraries.
for _, lib in ipairs {"coroutine", "string", "table", "math", "os", "debug", "bit32"} do
  local names = {}
  for k in pairs(_G[lib] or {}) do names[#names + 1] = k end
  table.sort(names)
  print(lib, table.concat(names, " "))
end
--> coroutine	create resume running status wrap yield
--> string	byte char find format gfind gmatch gsub len lower match rep reverse sub upper
--> table	concat foreach foreachi getn insert maxn remove setn sort
--> math	abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf pi pow rad random randomseed sin sinh sqrt tan tanh
--> os	clock date difftime time
--> debug	traceback
--> bit32	arshift band bnot bor btest bxor extract lrotate lshift replace rrotate rshift
