-- Each refresh token is used once; its successor goes back on the pile.
dofile(os.getenv("BENCH_DIR") .. "/common.lua")

local pile = {}

function init()
  for _, token in ipairs(run.refresh_tokens) do table.insert(pile, token) end
end

function request()
  local token = table.remove(pile)
  if token == nil then return the_end() end
  return wrk.format("POST", run.token, run.headers, run.body .. "&refresh_token=" .. token)
end

function response(status, _, body)
  local next_token = string.match(body or "", '"refresh_token"%s*:%s*"([^"]+)"')
  if judge(status == 200 and next_token ~= nil, status, body) then
    table.insert(pile, next_token)
  end
end
