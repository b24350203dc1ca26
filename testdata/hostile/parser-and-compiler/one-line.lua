-- Three hundred kilobytes in one line.
-- generate
return ("a=b "):rep(75000) .. "print('end')" --> end
