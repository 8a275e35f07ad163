-- Shared by all load scripts: counts correct and wrong answers, and shows the first wrong one.
--
-- bench.py writes the settings of a run as a Lua table and names the file in BENCH_RUN. wrk keeps one state
-- a thread, and runs `done` in a state of its own, so the counters are globals that `done` asks for.
run = dofile(os.getenv("BENCH_RUN"))

good, bad, first_bad = 0, 0, ""
first_at, last_at = 0, 0

-- Measures the time itself, because wrk waits to the end of its time even if a script has no work left.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } instant; int clock_gettime(int, instant *);")
local instant = ffi.new("instant[1]")

local function now()
  ffi.C.clock_gettime(1, instant)
  return tonumber(instant[0].s) + tonumber(instant[0].ns) / 1e9
end

function judge(right, status, body)
  last_at = now()
  if first_at == 0 then first_at = last_at end
  if right then
    good = good + 1
  else
    bad = bad + 1
    if first_bad == "" then
      first_bad = status .. " " .. string.sub(body or "", 1, 200)
    end
  end
  return right
end

function header(headers, name)
  for key, value in pairs(headers) do
    if string.lower(key) == name then return value end
  end
end

function has(text, piece)
  return text ~= nil and string.find(text, piece, 1, true) ~= nil
end

-- For work in which each piece is used once. `next_piece` is nil when all are used.
local pieces, used = {}, 0

function read_pieces(path)
  for piece in io.lines(path) do table.insert(pieces, piece) end
end

function next_piece()
  used = used + 1
  return pieces[used]
end

-- The request that only ends the run, and whether an answer is its answer.
function the_end()
  wrk.thread:stop()
  return wrk.format("GET", "/health/live")
end

function is_the_end(status, body)
  return used > #pieces and status == 200 and has(body, '"status":')
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function done(summary, latency)
  local all_good, all_bad, shown, seconds = 0, 0, "", 0
  for _, thread in ipairs(threads) do
    all_good = all_good + thread:get("good")
    all_bad = all_bad + thread:get("bad")
    seconds = math.max(seconds, thread:get("last_at") - thread:get("first_at"))
    if shown == "" then shown = thread:get("first_bad") end
  end
  local e = summary.errors
  io.stderr:write(string.format(
    "good=%d\nbad=%d\nlost=%d\nseconds=%f\np50=%f\np99=%f\nshown=%s\n",
    all_good, all_bad, e.connect + e.read + e.write + e.timeout, math.max(seconds, 0.001),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, string.gsub(shown, "%s", " ")))
end
