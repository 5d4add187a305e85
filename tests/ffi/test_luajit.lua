-- What ptjobs with LuaJIT's FFI, examples/ffi/luajit/ptjobs.lua, must stand.

local ffi = require("ffi")
local ptjobs = require("ptjobs")

ffi.cdef[[
int socketpair(int domain, int type, int protocol, int fds[2]);
intptr_t read(int fd, void *buf, size_t n);
intptr_t write(int fd, const void *buf, size_t n);
int close(int fd);
int fork(void);
int waitpid(int pid, int *status, int options);
void _exit(int status);
]]
local AF_UNIX, SOCK_STREAM = 1, 1
local LIBRARY = "libjobs.so"

local function equal(got, want)
	if got ~= want then
		error(("got %s, and not %s"):format(tostring(got), tostring(want)), 2)
	end
end

-- Where job_gate() waits until it is let through, and job_obey() until it is closed.
local Gate = {}
Gate.__index = Gate

local function new_gate()
	local fds = ffi.new("int[2]")
	equal(ffi.C.socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0)
	return setmetatable({ours = fds[0], theirs = fds[1]}, Gate)
end

function Gate:wait_for_job()
	equal(tonumber(ffi.C.read(self.ours, ffi.new("char[1]"), 1)), 1)
end

function Gate:open()
	equal(tonumber(ffi.C.write(self.ours, "\a", 1)), 1)
end

local function spawn_gate(scheduler, name, gate)
	return assert(scheduler:spawn(LIBRARY, name, gate.theirs))
end

-- Runs a program with the binding: what it writes.
local function run_program(text)
	local quoted = "'" .. text:gsub("'", "'\\''") .. "'"
	return io.popen("luajit -e " .. quoted .. " 2>&1; echo status $?"):read("*a")
end

local tests = {}

function tests.thousands_of_functions()
	local scheduler = ptjobs.scheduler{limit = 4, pending_limit = 0}
	local jobs, ended = {}, 0
	for n = 1, 20000 do
		jobs[n] = assert(scheduler:spawn(LIBRARY, "job_give", n))
		scheduler:go(function()
			equal(jobs[n]:wait(), n)
			ended = ended + 1
		end)
	end
	scheduler:run()
	equal(ended, 20000)
end

function tests.failure_has_its_code_and_message()
	local scheduler = ptjobs.scheduler{}
	local result, err = scheduler:spawn(LIBRARY, "job_fail", "disk on fire"):wait()
	equal(result, nil)
	equal(err.code, 5)
	equal(tostring(err), "disk on fire")
end

function tests.what_is_not_there_is_refused()
	local scheduler = ptjobs.scheduler{}
	local _, err = scheduler:spawn("libmissing.so", "job_give")
	equal(tostring(err), "Can not access a needed shared library")
	_, err = scheduler:spawn(LIBRARY, "job_missing")
	equal(tostring(err), "Function not implemented")
end

function tests.full_line_is_refused()
	local scheduler, gate = ptjobs.scheduler{limit = 1, pending_limit = 1}, new_gate()
	local first = spawn_gate(scheduler, "job_gate", gate)
	local second = scheduler:spawn(LIBRARY, "job_give", 2)
	local third, err = scheduler:spawn(LIBRARY, "job_give", 3)
	equal(third, nil)
	equal(tostring(err), "Resource temporarily unavailable")
	gate:open()
	equal(first:wait() + second:wait(), 9)
end

function tests.cancel_ends_a_job_that_obeys()
	local scheduler, gate = ptjobs.scheduler{}, new_gate()
	local job = spawn_gate(scheduler, "job_obey", gate)
	gate:wait_for_job()
	job:cancel()
	local _, err = job:wait()
	equal(err.code, ptjobs.ECANCELED)
	job:cancel()
end

function tests.cancelled_job_that_finishes_all_the_same_has_its_result()
	local scheduler, gate = ptjobs.scheduler{}, new_gate()
	local job = spawn_gate(scheduler, "job_gate", gate)
	gate:wait_for_job()
	job:cancel()
	gate:open()
	equal(job:wait(), 7)
end

function tests.close_does_not_wait_for_a_job_that_does_not_obey()
	local scheduler, gate = ptjobs.scheduler{}, new_gate()
	local stubborn = spawn_gate(scheduler, "job_gate", gate)
	local obedient = spawn_gate(scheduler, "job_obey", gate)
	gate:wait_for_job()
	gate:wait_for_job()
	scheduler:close()
	local _, err = stubborn:wait()
	equal(tostring(err), "Connection timed out")
	_, err = obedient:wait()
	equal(err.code, ptjobs.ECANCELED)
	_, err = scheduler:spawn(LIBRARY, "job_give")
	equal(tostring(err), "Cannot send after transport endpoint shutdown")
	-- It is still taken when it has ended.
	gate:open()
	scheduler:run()
end

function tests.arguments_live_until_their_jobs_have_ended()
	local scheduler, gate = ptjobs.scheduler{limit = 1}, new_gate()
	spawn_gate(scheduler, "job_gate", gate)
	local jobs = {}
	for n = 1, 999 do
		jobs[n] = assert(scheduler:spawn(LIBRARY, "job_sum", string.char(n % 255 + 1):rep(n)))
	end
	collectgarbage()
	for n = 1, 999 do
		ffi.fill(ffi.new("char[?]", n + 1), n, 1)
	end
	gate:open()
	for n, job in ipairs(jobs) do
		equal(job:wait(), n * (n % 255 + 1))
	end
end

function tests.garbage_is_collected_while_jobs_run()
	local scheduler = ptjobs.scheduler{limit = 4}
	local sum = 0
	for n = 1, 1000 do
		scheduler:go(function()
			local result = scheduler:spawn(LIBRARY, "job_sum", ("x"):rep(n)):wait()
			sum = sum + result
			if n % 10 == 0 then
				collectgarbage()
			end
		end)
	end
	scheduler:run()
	equal(sum, ("x"):byte() * 1000 * 1001 / 2)
end

function tests.child_has_a_dead_scheduler_and_makes_a_new_one()
	local scheduler, gate = ptjobs.scheduler{}, new_gate()
	local job = spawn_gate(scheduler, "job_gate", gate)
	gate:wait_for_job()
	local child = ffi.C.fork()
	if child == 0 then
		local _, err = scheduler:spawn(LIBRARY, "job_give")
		job:cancel()
		local result = ptjobs.scheduler{}:spawn(LIBRARY, "job_give", 5):wait()
		ffi.C._exit(tostring(err) == "State not recoverable" and result == 5 and 0 or 1)
	end
	local status = ffi.new("int[1]")
	equal(ffi.C.waitpid(child, status, 0), child)
	equal(status[0], 0)
	gate:open()
	equal(job:wait(), 7)
end

function tests.program_ends_while_jobs_run()
	local beginning = [[
		local ffi = require("ffi")
		local ptjobs = require("ptjobs")
		ffi.cdef("int socketpair(int, int, int, int *); intptr_t read(int, void *, size_t);")
		ffi.cdef("void _exit(int);")
		local fds = ffi.new("int[2]")
		ffi.C.socketpair(1, 1, 0, fds)
		local scheduler = ptjobs.scheduler{}
		scheduler:spawn("libjobs.so", "job_spin", fds[1])
		scheduler:spawn("libjobs.so", "job_obey", fds[1])
		ffi.C.read(fds[0], ffi.new("char[1]"), 1)
		ffi.C.read(fds[0], ffi.new("char[1]"), 1)
	]]
	local report = "ptjobs: Job closing timed out\n  job: <Job closed name=job-1>\n"
		.. "  error: Connection timed out (110)\n"
	equal(run_program(beginning), report .. "status 0\n")
	equal(run_program(beginning .. "scheduler:close()"), report .. "status 0\n")
	equal(run_program(beginning .. "os.exit(3, true)"), report .. "status 3\n")
	equal(run_program(beginning .. "ffi.C._exit(0)"), "status 0\n")
end

local failed = 0
for name, test in pairs(tests) do
	local ok, err = xpcall(test, debug.traceback)
	print((ok and "ok " or "FAIL ") .. name)
	if not ok then
		print(err)
		failed = failed + 1
	end
end
os.exit(failed == 0)
