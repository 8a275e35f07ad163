-- Takes each assertion once, until all are used.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

function init()
  read_pieces(run.assertions)
end

function request()
  local assertion = next_piece()
  if assertion == nil then return the_end() end
  return wrk.format("POST", run.token, run.headers, run.body .. "&assertion=" .. assertion)
end

function response(status, _, body)
  if is_the_end(status, body) then return end
  judge(status == 200 and has(body, '"token_type":"bearer"'), status, body)
end
