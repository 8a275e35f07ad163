-- Sends one request again and again.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local text

function init()
  text = wrk.format(run.method, run.path, run.headers, run.body)
end

function request()
  return text
end

function response(status, headers, body)
  local right = status == run.status and has(body, run.piece)
  -- For endpoints that answer in a header.
  if run.told then right = right and header(headers, run.told) == run.value end
  judge(right, status, body)
end
