-- An answer and the milliseconds that it is kept for still. KEYS: the answer, the uses. ARGV: the name of the answer.
local answer = redis.call('GET', KEYS[1])
if not answer then
  return { false, 0 }
end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], 'XX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
return { answer, math.max(0, redis.call('PTTL', KEYS[1])) }
