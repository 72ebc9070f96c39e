-- What breakers.lua files begin with. A record is a hash: epoch, phase, until, forced_until (milliseconds of this server's
-- clock), details; and failures counted since counted_from.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- For this long after its own end a record is kept.
local kept = 900000

local function left(till)
  return math.max(0, (tonumber(till) or 0) - now)
end

-- {epoch, phase, milliseconds left, milliseconds left of what is forced, details}, or nothing.
local function read(key)
  local row = redis.call('HMGET', key, 'epoch', 'phase', 'until', 'forced_until', 'details')
  if not row[1] then
    return nil
  end
  return { tonumber(row[1]), row[2], left(row[3]), left(row[4]), row[5] }
end

local function publish(channel, from, change)
  redis.call('PUBLISH', channel, from .. cjson.encode(change))
end

-- `given` is {phase, milliseconds left, milliseconds left of what is forced, details}.
local function write(key, channel, from, scope, epoch, given)
  local span, forced = tonumber(given[2]), tonumber(given[3])
  redis.call('HSET', key, 'epoch', epoch, 'phase', given[1], 'until', now + span, 'forced_until', now + forced,
    'details', given[4])
  if given[1] ~= 'closed' then
    redis.call('HDEL', key, 'failures', 'counted_from')
  end
  redis.call('PEXPIRE', key, math.max(span, forced) + kept)
  publish(channel, from, { scope = scope, epoch = epoch, phase = given[1], left = span, forced_left = forced, details = given[4] })
  return { 1, epoch }
end
