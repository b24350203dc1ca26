-- Strings where numbers are expected and the other way round.
print("10" + 5, "10" * "2", "3" - 1, "7" / 2, "7" % 4, "2" ^ "3", -"5", - "-5")
print("0x10" + 0, "0X1f" + 0, "0xA" * 1, "1e2" + 0, "1E+2" + 0, ".5" + 0, "5." + 0, "  7  " + 0, "\t8\n" + 0)
print(10 .. 20, 1 .. "", 1.5 .. "x", -0.25 .. "", 1e100 .. "", 2^53 .. "", 1/3 .. "")
print("10" == 10, 10 == "10", "abc" < "abd", "Z" < "a", "" < "a", "a" < "ab", "a\0b" < "a\0c", "10" < "9")
print("a" <= "a", "a" >= "b", "a" > "", "\255" > "a", "\0" > "")
for _, s in ipairs{"", " ", "abc", "1a", "1 2", "0x", "0xg", "1e", "1e+", "--1", "+", "1..2", ".", "e5", "0x1p", "1_000", "1,5", "١"} do
  print(("%q"):format(s), pcall(function() return s + 1 end))
end
for _, s in ipairs{"1", "-1", "+1", " 1", "1 ", "1.", ".1", "1e1", "1e-1", "0x1", "-0x1", "1e400", "-1e400", "1e-400", "00012", "0.1e1", "123456789012345678901234567890"} do
  print(("%q"):format(s), s + 0, tonumber(s))
end
print(tonumber("10", 2), tonumber("ff", 16), tonumber("FF", 16), tonumber("zz", 36), tonumber("8", 8), tonumber("1 ", 10), tonumber(""), tonumber("  "), tonumber("0x"))
print(tonumber(nil), tonumber({}), tonumber(true), tonumber(5))
print(#"abc" + 1, #(12 .. ""), ("5"):rep(3) + 1)
print(("x"):rep("3"), ("abc"):sub("2"), ("abc"):sub("2", "2.0"), string.char("65"))
print(math.max("10", 9), math.floor("3.7"), math.sqrt("16"))
local t = {}
t[1] = "number" t["1"] = "string" t[1.0] = "float"
print(t[1], t["1"], t[1.0], t["1.0"])
t["10" + 0] = "ten"
print(t[10], t["10"])
local last for i = "1", "3" do last = i end
print(last)
print(("5" + 0) == 5, "5" + 0 == "5", ("5" .. "") == "5")
print(1 .. 2 == "12", (1 .. 2) + 0 == 12)
print(tostring(0/0 ~= 0/0), tostring(1/0), tostring(-1/0))
print(not nil, not 0, not "", not {}, not false)
print(nil and 1, false and 1, 0 and 1, "" and 1, nil or 1, false or nil, 1 or error("never"))
print(1 and nil or 3, false == nil, nil == nil, not nil == true)
print(1 == 1.0, "1" == "1.0", 0 == -0)
print(2^31 == 2147483648, 1e15 == 10^15, 0.1 + 0.2 == 0.3, 0.1 + 0.2)
print(#"\0\0", #"\n\t\\\"\'", "\65\066\0677", "\x41" == "x41", "\q" == "q")
