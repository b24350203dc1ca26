-- Keeps the number of the tick, and says whether it is kept.
return {
  tick = function(n)
    print((pcall(storage.set, "tick", n) and "kept " or "not kept ") .. n)
  end,
}
