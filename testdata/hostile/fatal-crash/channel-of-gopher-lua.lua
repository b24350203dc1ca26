-- gopher-lua's channels: one that nobody receives from.
-- stock: full
if channel then channel.make():send(1) end
print(channel) --> nil
