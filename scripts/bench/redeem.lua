-- Opens each link once, until all are used.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local links, used = {}, 0

function init()
  for link in io.lines(run.links) do table.insert(links, link) end
end

function request()
  used = used + 1
  local link = links[used]
  if link == nil then
    wrk.thread:stop()
    return wrk.format("GET", "/health/live")
  end
  return wrk.format("GET", link)
end

function response(status, headers, body)
  -- The answer to the request that only ends the run.
  if used > #links and status == 200 then return end
  local location = header(headers, "location")
  judge(status == 302 and has(location, "code="), status, location or body)
end
