-- A call that begins on the next line, comments in between, and calls of literals.
print(loadstring("local f = print\n('x')") and "legal" or "ambiguous") --> ambiguous
print((loadstring("return ('x'):rep(2), 'x':rep(2)"))) --> nil
print(loadstring("return #'abc' .. {1, 2}[1]") and "legal" or "not") --> not
