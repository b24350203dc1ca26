-- The zone, the locale and the names of days are the host's.
print(os.date("!%H", 0) == os.date("%H", 0), os.date("%Z", 0)) --> true	UTC
print(os.date("%A %B %p", 0)) --> Thursday January AM
