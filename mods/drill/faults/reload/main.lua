local count = 0
return {
  on_save = function() return {count = count} end,
  on_load = function(state) count = state.count end,
  tick = function()
    count = count + 1
    print("count " .. count)
  end,
}
