-- Load for wrk: orders, each with a number and an Idempotency-Key of its own.
-- wrk -s gateway_load.lua URL -- PREFIX LINES FILE AUTHORIZATION [MILLISECONDS]
-- FILE holds an order with @ for its number; a pause of MILLISECONDS on average is made between requests.

local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(arguments)
  prefix, lines = arguments[1] .. "-" .. id .. "-", tonumber(arguments[2])
  local file = io.open(arguments[3])
  head, tail = string.match(file:read("*a"), "^(.*)@(.*)$")
  file:close()
  headers = { ["Authorization"] = arguments[4] }
  headers["Content-Type"] = lines > 1 and "application/x-ndjson" or "application/json"
  pause, count = tonumber(arguments[5] or "0"), 0
  math.randomseed(id + 1)
end

function request()
  local parts = {}
  for n = 1, lines do
    count = count + 1
    parts[n] = head .. prefix .. count .. tail
  end
  headers["Idempotency-Key"] = prefix .. count
  return wrk.format("POST", nil, headers, table.concat(parts, "\n"))
end

function delay()
  return pause > 0 and math.floor(-math.log(1 - math.random()) * pause) or 0
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.2f, "p99_ms": %.2f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
