-- A request is over. KEYS: tokens, running, as in enter.lua. ARGV: request, tokens that were set aside, their slot.
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[2] ~= '0' and redis.call('HEXISTS', KEYS[1], ARGV[3]) == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[3], -ARGV[2])
end
return 0
