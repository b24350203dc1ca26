-- Zero bytes in source, strings, names and chunk names.
print(#loadstring("return 'a\0b'")(), (loadstring("return a\0b")), (loadstring("\0"))) --> 3	nil	nil
print((loadstring("x x", "a\0b"))) --> nil
print(#loadstring("--\0\0\0\nreturn 'ok'")()) --> 2
