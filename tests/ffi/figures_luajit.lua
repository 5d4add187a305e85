-- What a job costs in LuaJIT: jobs that do nothing, a thousand at a time, on four threads.

local ffi = require("ffi")
local ptjobs = require("ptjobs")

ffi.cdef[[
struct timespec { long tv_sec, tv_nsec; };
int clock_gettime(int clock, struct timespec *now);
]]
local CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID = 1, 2

local function now(clock)
	local time = ffi.new("struct timespec")
	ffi.C.clock_gettime(clock, time)
	return tonumber(time.tv_sec) + tonumber(time.tv_nsec) / 1e9
end

local jobs, batch = 20000, 1000
local scheduler = ptjobs.scheduler{limit = 4}
local wall, cpu = now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)
for _ = 1, jobs / batch do
	for _ = 1, batch do
		scheduler:go(function()
			scheduler:spawn("libjobs.so", "job_give", 1):wait()
		end)
	end
	scheduler:run()
end
wall, cpu = now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu
print(("%-40s %9.0f jobs/s %8.2f us of CPU each"):format("LuaJIT, ptjobs: function", jobs / wall,
	cpu / jobs * 1e6))
