-- GET /authorize with a session, then POST the code to the token endpoint. A flow counts when both are right.
-- Any connection may take a code that another one got.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local authorize, codes = nil, {}

function init()
  authorize = wrk.format("GET", run.authorize, { ["Cookie"] = run.cookie })
end

function request()
  local code = table.remove(codes)
  if code == nil then return authorize end
  return wrk.format("POST", run.token, run.headers, run.body .. "&code=" .. code)
end

function response(status, headers, body)
  local location = header(headers, "location")
  if location ~= nil then
    local code = string.match(location, "[?&]code=([^&]+)")
    if code ~= nil and has(location, "state=bench") and has(location, "iss=") then
      table.insert(codes, code)
    else
      judge(false, status, location)
    end
  else
    judge(status == 200 and has(body, '"id_token"'), status, body)
  end
end
