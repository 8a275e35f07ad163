-- One and the same request, over and over.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local text

function init()
  text = wrk.format(run.method, run.path, run.headers, run.body)
end

function request()
  return text
end

function response(status, _, body)
  judge(status == run.status and has(body, run.piece), status, body)
end
