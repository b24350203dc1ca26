-- The quests of the village. An objective counts happenings of one kind
-- ("tick", "weather", "loot", "chat"); needs names quests to finish first.

return {
  {
    id = "first-steps",
    title = "First Steps",
    objectives = { { kind = "tick", goal = 15, text = "keep the lanterns lit" } },
    reward = "10 copper",
  },
  {
    id = "storm-watcher",
    title = "Storm Watcher",
    objectives = { { kind = "weather", goal = 2, text = "see the sky change" } },
    reward = "a brass barometer",
  },
  {
    id = "treasure-hunter",
    title = "Treasure Hunter",
    objectives = {
      { kind = "loot", goal = 5, text = "find things in chests" },
      { kind = "tick", goal = 10, text = "carry them home" },
    },
    reward = "a bigger bag",
  },
  {
    id = "small-talk",
    title = "Small Talk",
    objectives = { { kind = "chat", goal = 3, text = "hear the neighbours out" } },
    reward = "gossip",
  },
  {
    id = "long-watch",
    title = "The Long Watch",
    objectives = { { kind = "tick", goal = 60, text = "stand watch over the vale" } },
    reward = "a silver whistle",
  },
  {
    id = "warden",
    title = "Warden of the Vale",
    needs = { "first-steps", "storm-watcher" },
    objectives = { { kind = "tick", goal = 10, text = "walk the border stones" } },
    reward = "the warden's cloak",
  },
}
