-- KEYS: the breaker.
local known = read(KEYS[1])
return known or {}
