-- Failures in a row of a closed breaker. KEYS: the breaker. ARGV: channel, sender, scope, how many more (0 begins anew), for how
-- many milliseconds they count.
local from = tonumber(redis.call('HGET', KEYS[1], 'counted_from') or '0')
if ARGV[4] == '0' or now - from > tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'failures', 0, 'counted_from', now)
end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', ARGV[4])
if redis.call('PTTL', KEYS[1]) < kept then
  redis.call('PEXPIRE', KEYS[1], kept)
end
publish(ARGV[1], ARGV[2], { scope = ARGV[3], failures = failures })
return failures
