-- Powers, each of which the parser keeps until it has seen the last; with signs between them; and unfinished.
-- limits: memory=16777216 instructions=100000000
-- clock: unwatched
for _, text in ipairs {("^x"):rep(1e5), ("^-"):rep(1e5) .. "x", ("^not "):rep(1e5)} do
  local f, why = loadstring("local x return x" .. text)
  print(f, why:match("too many syntax levels"))
end
--> nil	too many syntax levels
--> nil	too many syntax levels
--> nil	too many syntax levels
