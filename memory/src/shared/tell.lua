-- KEYS: the breaker. ARGV: channel, sender, scope, epoch that it was decided on, 1 to win over anything newer, then phase,
-- span, span of what is forced, details.
local known = read(KEYS[1])
local decided_on = tonumber(ARGV[4])
if known and known[1] > decided_on and ARGV[5] ~= '1' then
  return { 0, unpack(known) }
end
local epoch = math.max(known and known[1] or 0, decided_on) + 1
return write(KEYS[1], ARGV[1], ARGV[2], ARGV[3], epoch, { ARGV[6], ARGV[7], ARGV[8], ARGV[9] })
