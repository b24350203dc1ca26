local on = false
return {
  begin = function() on = true end,
  tick = function() while on do end end,
}
