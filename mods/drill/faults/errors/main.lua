return {
  begin = function() storage.set("wrong", true) end,
  tick = function() if storage.get("wrong") then error("wrong again") end end,
}
