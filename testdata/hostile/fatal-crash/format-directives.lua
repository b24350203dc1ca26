-- Formats that are nonsense: widths of a thousand digits, unknown verbs, missing arguments, Go's own verbs.
local function try(...) local ok, e = pcall(string.format, ...) print(ok, #e < 200) end
try("%" .. ("9"):rep(1000) .. "d", 1) --> false	true
try("%." .. ("9"):rep(1000) .. "f", 1) --> false	true
try("%") --> false	true
try("%1$s", "x") --> false	true
try("%*d", 5, 5) --> false	true
try("%v", {}) --> false	true
try("%#v", {}) --> false	true
try("%p", {}) --> false	true
try("%T", {}) --> false	true
try("%[1]s", "x") --> false	true
try("%n", 1) --> false	true
try("%-+ #0-+ #0-+ #0d", 1) --> false	true
try("%s") --> false	true
try("%d", "x") --> false	true
try("%q") --> false	true
try("%c", {}) --> false	true
