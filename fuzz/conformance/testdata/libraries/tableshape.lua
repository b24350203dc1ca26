local types = require("tableshape").types
local function try(shape, v) print(shape:check_value(v)) end
try(types.string, 1) try(types.number:is_optional(), nil) try(types.array_of(types.number), {1, "x"})
try(types.shape{a = types.string, b = types.number + types.boolean}, {a = "x", b = true})
try(types.shape{a = types.string}, {a = "x", c = 1})
try(types.shape({a = types.string}, {open = true}), {a = "x", c = 1})
try(types.map_of(types.string, types.integer), {x = 1.5}) try(types.one_of{"a", "b"}, "c") try(types.range(1, 5), 7) try(types.pattern "^%d", "x")
print((types.string / "replaced")("x"), (types.number * types.range(1, 2)):transform(1))
local t = types.shape{name = types.string:tag "n", tags = types.array_of(types.string:tag "t[]")}
local ok = t{name = "N", tags = {"a", "b"}}
print(ok.n, ok.t and #ok.t)
