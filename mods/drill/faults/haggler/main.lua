local on = false
return {
  begin = function()
    on = true
    for i = 1, 50 do
      task.spawn(function()
        while on do pcall(services.call, "drill-shop", "price", i % 2 == 0 and "bread" or "nothing") end
      end)
    end
  end,
}
