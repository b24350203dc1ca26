-- Twelve thousand elseif.
-- generate
return "local x = 1 if x == 0 then" .. (" elseif x == 0 then"):rep(12000) .. " else print('else') end" --> else
