-- wrk posts the lines of a file, one a request, again from the top when they end.
-- Arguments behind "--": path of the URL, file, and optionally after how many answers to stop.
local requests, at, answered = {}, 0, 0

function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for body in io.lines(args[2]) do
    requests[#requests + 1] = wrk.format("POST", args[1], headers, body)
  end
  local limit = tonumber(args[3] or "0")
  if limit > 0 then
    function response()
      answered = answered + 1
      if answered == limit then
        -- The main thread would sleep on to the end of its seconds: load.py interrupts it.
        wrk.thread:stop()
        io.write("REACHED\n")
        io.flush()
      end
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

local POINTS = { 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 97, 98, 99, 99.5, 99.9 }

function done(summary, latency)
  local e, points = summary.errors, {}
  for n, point in ipairs(POINTS) do
    points[n] = string.format('"%g": %.4f', point, latency:percentile(point) / 1000)
  end
  io.write(string.format(
    '\nRESULT {"n_requests": %d, "seconds": %.6f, "n_failed": %d, "latency_ms": {%s}}\n',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.timeout + e.status, table.concat(points, ", ")))
end
