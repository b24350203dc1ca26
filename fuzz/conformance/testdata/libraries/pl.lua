-- Penlight, module by module.
local List, Map, Set, OrderedMap = require "pl.List", require "pl.Map", require "pl.Set", require "pl.OrderedMap"
local tablex, stringx, pretty, seq = require "pl.tablex", require "pl.stringx", require "pl.pretty", require "pl.seq"
local class, types, func, lexer = require "pl.class", require "pl.types", require "pl.func", require "pl.lexer"
local template, sip, text, xml, data = require "pl.template", require "pl.sip", require "pl.text", require "pl.xml", require "pl.data"
local l = List {10, 20, 30}
print(l, l:slice(2), l:map(function(x) return x * 2 end), l:reverse(), l .. List {1}, l:index(20), l:contains(5), List.range(1, 5), List.split "a b c")
print(l:append(5):sort(), l:pop(), l:extend {7, 8}, l:reduce "+", List {1, 2, 3, 4}:filter(function(x) return x % 2 == 0 end))
print(Set {1, 2, 3} * Set {2, 3, 4} == Set {2, 3}, (Set {1} + Set {2}) == Set {1, 2}, Set {1} < Set {1, 2}, Set.len(Set {1, 2, 2}))
local om = OrderedMap() om:set("z", 1) om:set("a", 2) om:set("m", 3)
print(om, om:keys(), om:values(), #om)
for k, v in om:iter() do print(k, v) end
local m = Map {a = 1} m:update {b = 2} print(m:get "a", m:len(), m == Map {a = 1, b = 2})
print(pretty.write({1, 2, {a = "x", [true] = 1.5}, ["b c"] = {}}, ""), pretty.write({1, {2}}))
print(pretty.read "{1, b = {2, 'x'}}".b[2], pretty.read "os.exit()", pretty.number(123456, "N", 1))
print(tablex.deepcompare({1, {2}}, {1, {2}}), tablex.find({5, 6}, 6), List(tablex.map("#", {"a", "bb"})), List(tablex.sub({1, 2, 3, 4}, 2, 3)))
print(List(tablex.zip({1, 2}, {3, 4})[2]), tablex.size {a = 1, 2}, List(tablex.sortv and {} or {}), List(tablex.imap2("+", {1, 2}, {3, 4})))
for k, v in tablex.sort({c = 3, a = 1, b = 2}) do print(k, v) end
print(stringx.split("a,b,,c", ","), stringx.strip "  x  ", stringx.center("x", 5, "*"), stringx.title "hello world", stringx.partition("a=b=c", "="))
print(stringx.count("banana", "an"), stringx.replace("aaa", "a", "b", 2), stringx.isalpha "ab1", stringx.splitlines "a\nb\r\nc", stringx.expandtabs("a\tb", 4), stringx.lfind("abc", "c"))
print(seq.copy(seq.filter(seq.list {1, 2, 3, 4}, ">", 2)), seq.sum(seq.list {1, 2, 3}), seq(List {1, 2, 3}):map(function(x) return x * x end):copy())
local Animal = class() function Animal:_init(name) self.name = name end function Animal:__tostring() return self.name .. ": " .. self:speak() end
local Cat = class(Animal) function Cat:speak() return "meow" end
local felix = Cat "Felix" print(felix, felix:is_a(Animal), Cat:class_of(felix), Animal:is_a(felix))
print(types.type(felix) == Cat, types.is_callable(print), types.is_integer(3.5), types.to_bool "yes")
local I = func.I local _1, _2 = func._1, func._2
print(I(_1 + _2)(2, 3), func.repr(_1 * 2 + _2), List(tablex.map(_1 .. "!", {"a", "b"})))
for t, v in lexer.lua "for i = 1, 10 do x = 'a' .. [[b]] -- c\nend" do io.write(t, "<", v, "> ") end print()
print(template.substitute("# for i = 1, 3 do\nline $(i) $(name)\n# end\n", {name = "N"}))
local r = {} print(sip.match("$v{name} = $i{n} at $f{f}", "abc = 12 at 1.5", r), r.name, r.n, r.f)
print(text.wrap(("word "):rep(30), 20), text.dedent "  a\n    b\n  c", text.indent("a\nb", 2), text.Template "$x is ${y}":substitute {x = 1, y = 2})
local doc = xml.parse [[<a x="1"><b>t &amp; u</b><!-- c --><c/><b>v</b></a>]]
print(doc, doc.attr.x, #doc:get_elements_with_name "b", doc:child_with_name "b":get_text(), xml.elem("p", {"q", xml.elem "br"}))
local d = data.read(require "pl.stringio".open "name,age\nAda,36\nBob,20\n") print(List(d.fieldnames), d[1][1], d[2][2] + 1, List(d:column_by_name "age"))
local Date = require "pl.Date" print(Date {year = 2020, month = 2, day = 29}:add {day = 1}:month(), Date.Format "yyyy-mm-dd":parse "2021-03-04":day())
for p in require "pl.permute".iter and require "pl.permute".order_iter {1, 2, 3} or function() end do print(List(p)) end
local C = require "pl.comprehension".new() print(List(C "x * y for x = 1, 3 for y = 1, 2 if x ~= y" ()), C "sum(x for x)" {1, 2, 3})
local array2d = require "pl.array2d" print(array2d.reduce_rows("+", {{1, 2}, {3, 4}})[2], List(array2d.column({{1, 2}, {3, 4}}, 2)), array2d.flatten {{1}, {2}}[2])
print(require "pl.luabalanced".match_expression("f(x, {1}) + 'a' , y", 1), require "pl.url".quote "a b&c", require "pl.url".unquote "a%20b")
