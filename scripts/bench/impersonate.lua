-- Requests links for changing pairs of agents and subjects. With `run.links` it stores them in that file for redeem.lua.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local turn, file = 0, nil

function init()
  if run.links then
    file = assert(io.open(run.links, "a"))
    -- wrk ends without closing its files.
    file:setvbuf("line")
  end
end

function request()
  turn = turn + 1
  local subject = string.format("subject-%02d", turn % run.subjects + 1)
  local actor = string.format("agent-%d", turn % run.agents + 1)
  return wrk.format("POST", "/users/" .. subject .. "/impersonate", run.headers,
    (string.gsub(run.body, "ACTOR", actor)))
end

function response(status, _, body)
  if judge(status == 200 and has(body, "/impersonate?&bewit="), status, body) and file then
    file:write(string.match(body, "^https?://[^/]+(.*)$"), "\n")
  end
end
