local on = false
return {
  begin = function() on = true end,
  calm = function() on = false end,
  tick = function(n)
    for i = 1, on and 500 or 1 do log.info("line " .. i) end
  end,
}
