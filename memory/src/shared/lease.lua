-- The one trial of a breaker. KEYS and ARGV are those of tell.lua. It is given when the breaker is open and its time is over,
-- when the trial before has not ended in its time, and when what opened it has not been told yet.
local known = read(KEYS[1])
local decided_on = tonumber(ARGV[4])
if known then
  local is_over = known[2] ~= 'closed' and known[3] == 0
  local is_older = known[2] == 'closed' and known[1] <= decided_on
  if known[4] > 0 or not (is_over or is_older) then
    return { 0, unpack(known) }
  end
end
local epoch = math.max(known and known[1] or 0, decided_on) + 1
return write(KEYS[1], ARGV[1], ARGV[2], ARGV[3], epoch, { ARGV[6], ARGV[7], ARGV[8], ARGV[9] })
