-- Tokens that a model has read and written. KEYS: tokens, as in enter.lua. ARGV: how many, milliseconds of the window and of a
-- slot.
local time = redis.call('TIME')
local slot = tonumber(ARGV[3])
local newest = math.floor((time[1] * 1000 + math.floor(time[2] / 1000)) / slot)
redis.call('HINCRBY', KEYS[1], newest, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2] + 2 * slot)
return 0
