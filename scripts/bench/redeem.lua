-- Opens each link once, until all are used.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

function init()
  read_pieces(run.links)
end

function request()
  local link = next_piece()
  if link == nil then return the_end() end
  return wrk.format("GET", link)
end

function response(status, headers, body)
  if is_the_end(status, body) then return end
  local location = header(headers, "location")
  judge(status == 302 and has(location, "code="), status, location or body)
end
