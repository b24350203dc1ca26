-- Escapes in strings: decimal beyond a byte, hexadecimal, Unicode, at the end.
print((loadstring("return '\\256'"))) --> nil
print((loadstring("return '\\999999999999'"))) --> nil
print(#loadstring("return '\\0\\00\\000\\255'")()) --> 4
print(loadstring("return '\\q\\x41'")()) --> qx41
print(#loadstring("return '" .. ("\\\n"):rep(1000) .. "'")()) --> 1000
