-- Requests that still run. KEYS: running, as in enter.lua. ARGV: milliseconds that they may run unheard of, then the requests.
local time = redis.call('TIME')
local gone = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for at = 2, #ARGV do
  redis.call('ZADD', KEYS[1], gone, ARGV[at])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
