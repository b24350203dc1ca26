local uri = require "uri"
for _, s in ipairs{
  "http://example.com", "HTTP://User@Example.COM:80/%7euser/./a/../b?q=1#f", "https://[::1]:8443/x", "ftp://ftp.example/a;type=i", "mailto:x@y", "urn:isbn:0-395-36341-1", "urn:oid:1.2.3",
  "data:text/plain;charset=utf-8;base64,SGk=", "file:///etc/passwd", "telnet://h/", "pop://u@h", "rtsp://h/x", "relative/path", "//host/p", "http://a b/", "http://h:99999999/", "urn:x:y", "",
} do
  local u, message = uri:new(s)
  print(s, u and tostring(u) or "nil", message)
  if u then print(u:scheme(), u:host(), u:port(), u:path(), u:query(), u:fragment(), u:userinfo()) end
end
local base = "http://a/b/c/d;p?q"
for _, s in ipairs{"g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", ";x", "", ".", "./", "..", "../g", "../..", "../../g", "../../../g", "/./g", "g.", "..g", "./../g", "g;x=1/../y", "http:g"} do
  local ok, u = pcall(uri.new, uri, s, base)
  print(s, ok, tostring(u))
end
