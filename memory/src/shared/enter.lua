-- Lets a request in or says which limit it would break, and counts nothing then. A minute is a window of slots.
-- KEYS: requests, tokens (hashes of slot to count), running (a sorted set of requests by when they are taken for gone).
-- ARGV: limits of requests, tokens and running (empty without one), tokens asked, request, milliseconds that it may run
-- unheard of, milliseconds of the window, milliseconds of a slot.
-- Answer: 1 or 0, requests used, milliseconds until all of them are free, the same of tokens, slot; and when refused: kind, used, milliseconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local asked, span, slot = tonumber(ARGV[4]), tonumber(ARGV[7]), tonumber(ARGV[8])
local newest = math.floor(now / slot)
-- Something counts for the whole window, and for at most a slot longer.
local oldest = newest - math.floor(span / slot)

-- The slots that count, oldest first, and their sum.
local function window(key)
  local slots, sum, gone = {}, 0, {}
  local row = redis.call('HGETALL', key)
  for at = 1, #row, 2 do
    local number, count = tonumber(row[at]), tonumber(row[at + 1])
    if number < oldest then
      gone[#gone + 1] = row[at]
    elseif count > 0 then
      slots[#slots + 1] = { number, count }
      sum = sum + count
    end
  end
  for at = 1, #gone, 100 do
    redis.call('HDEL', key, unpack(gone, at, math.min(at + 99, #gone)))
  end
  table.sort(slots, function(a, b) return a[1] < b[1] end)
  return slots, sum
end

-- Milliseconds until at most `most` of it counts.
local function falls_to(slots, sum, most)
  local wait = 0
  for _, entry in ipairs(slots) do
    if sum <= most then
      break
    end
    sum = sum - entry[2]
    wait = (entry[1] + 1) * slot + span - now
  end
  return math.max(0, wait)
end

local function add(slots, count)
  local last = slots[#slots]
  if last and last[1] == newest then
    last[2] = last[2] + count
  else
    slots[#slots + 1] = { newest, count }
  end
end

local limits = { requests = tonumber(ARGV[1]), tokens = tonumber(ARGV[2]), running = tonumber(ARGV[3]) }
local requests, requested, tokens, spent = {}, 0, {}, 0
if limits.requests then
  requests, requested = window(KEYS[1])
end
if limits.tokens then
  tokens, spent = window(KEYS[2])
end

local function answer(is_in, rest)
  local says = { is_in, requested, falls_to(requests, requested, 0), spent, falls_to(tokens, spent, 0), newest }
  for _, more in ipairs(rest) do
    says[#says + 1] = more
  end
  return says
end

if limits.tokens and spent > limits.tokens - asked then
  return answer(0, { 'tokens', spent, falls_to(tokens, spent, limits.tokens - asked) })
end
if limits.requests and requested >= limits.requests then
  return answer(0, { 'requests', requested, falls_to(requests, requested, limits.requests - 1) })
end
if limits.running then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  local running = redis.call('ZCARD', KEYS[3])
  if running >= limits.running then
    return answer(0, { 'running', running, 1000 })
  end
  redis.call('ZADD', KEYS[3], now + ARGV[6], ARGV[5])
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
if limits.requests then
  add(requests, 1)
  requested = requested + 1
  redis.call('HINCRBY', KEYS[1], newest, 1)
  redis.call('PEXPIRE', KEYS[1], span + 2 * slot)
end
if limits.tokens and asked > 0 then
  add(tokens, asked)
  spent = spent + asked
  redis.call('HINCRBY', KEYS[2], newest, asked)
  redis.call('PEXPIRE', KEYS[2], span + 2 * slot)
end
return answer(1, {})
