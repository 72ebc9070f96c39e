-- Keeps an answer, and forgets those that were unused for longest until all fit. KEYS: the answer, the uses (answers by
-- when they were used last), the sizes (of each answer, and of all of them as `all`). ARGV: the name of the answer, the answer,
-- milliseconds to keep it for, bytes for all, what the keys of answers begin with.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(name)
  local size = redis.call('HGET', KEYS[3], name)
  if size then
    redis.call('HINCRBY', KEYS[3], 'all', -size)
    redis.call('HDEL', KEYS[3], name)
  end
  redis.call('ZREM', KEYS[2], name)
  redis.call('DEL', ARGV[5] .. name)
end

forget(ARGV[1])
local size = #ARGV[2] + 512
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], size)
local all = redis.call('HINCRBY', KEYS[3], 'all', size)
while all > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then
    break
  end
  forget(oldest)
  all = tonumber(redis.call('HGET', KEYS[3], 'all'))
end
return 0
