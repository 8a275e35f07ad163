-- Takes each assertion once, until all are used.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local assertions, used = {}, 0

function init()
  for assertion in io.lines(run.assertions) do table.insert(assertions, assertion) end
end

function request()
  used = used + 1
  local assertion = assertions[used]
  if assertion == nil then
    wrk.thread:stop()
    return wrk.format("GET", "/health/live")
  end
  return wrk.format("POST", run.token, run.headers, run.body .. "&assertion=" .. assertion)
end

function response(status, _, body)
  -- The answer to the request that only ends the run.
  if used > #assertions and not has(body, "access_token") and status == 200 then return end
  judge(status == 200 and has(body, '"token_type":"bearer"'), status, body)
end
