events.on("drill.pong", function()
  events.emit("drill.ping")
  events.emit("drill.ping")
end)
return {begin = function() events.emit("drill.ping") end}
