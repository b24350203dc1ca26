-- A loop in a comparator, which the library calls.
table.sort({3, 2, 1}, function() while true do end end) --# instructions
