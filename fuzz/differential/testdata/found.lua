-- What the programs found, one case a line: after --> stands what C Lua prints, and
-- after --~ what is printed here as long as that is something else.
try(function() local g local x = (1/3 and g).k end) --> s:try false s:p:3: attempt to index local 'g' (a nil value)
try(function() local g local x = (1/3 and g) + 1 end) --> s:try false s:p:4: attempt to perform arithmetic on local 'g' (a nil value)
try(function() local x = (-1 and g3) .. "a" end) --> s:try false s:p:5: attempt to concatenate global 'g3' (a table value)
try(function() local x = (not nil and undefined).x end) --> s:try false s:p:6: attempt to index global 'undefined' (a nil value)
try(function() local x = (1 and undefined).x end) --> s:try false s:p:7: attempt to index global 'undefined' (a nil value)
try(function() local x = (undefined or undefined).x end) --> s:try false s:p:8: attempt to index a nil value
try(function() return g3[""].x end) --> s:try false s:p:9: attempt to index field '' (a nil value)
P(pcall(error, 2)) --> false s:2
P(pcall(error, 2, 0)) --> false n:2
P(pcall(coroutine.wrap(function() error(255, 0) end))) --> false s:255
try(function() coroutine.wrap(function() error(255, 0) end)() end) --> s:try false s:p:13: 255
try(function() coroutine.wrap(function() error("e", 0) end)() end) --> s:try false s:p:14: e
try(function() coroutine.wrap(function() error({}) end)() end) --> s:try false {nil,nil,nil,nil,nil,nil,nil}
