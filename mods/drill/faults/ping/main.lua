events.on("drill.ping", function()
  events.emit("drill.pong")
  events.emit("drill.pong")
end)
return {begin = function() events.emit("drill.pong") end}
