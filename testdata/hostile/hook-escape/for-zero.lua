-- A numeric loop that does not move, and one that counts to infinity.
for i = 1, 3, 0 do break end
for i = -1 / 0, 0 do end --# instructions
