-- Writes a line into a book of ten pages in every fifth tick. A line that cannot be
-- kept is written again the next time.
local line = (storage.get("line") or 0) + 1

return {
  tick = function(n)
    if n % 5 ~= 0 then return end
    local page = "page" .. line % 10
    if pcall(storage.set, page, {line = line, at = clock.elapsed()}) and pcall(storage.set, "line", line) then
      line = line + 1
    end
  end,
}
