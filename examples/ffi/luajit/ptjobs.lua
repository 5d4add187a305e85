-- SPDX-License-Identifier: Apache-2.0

-- ptjobs with LuaJIT's FFI.
--
--	local scheduler = ptjobs.scheduler{limit = 4}
--	local job = scheduler:spawn("library.so", "function", "argument")
--	print(job:wait())
--	scheduler:close()
--
-- A job is the names of a library and of a C function in it, which runs on a thread of the
-- scheduler's beside Lua.  The address would do, but ffi.load()'s libraries are unloaded with the
-- state, whoever is in them.  A Lua function would not: LuaJIT ends the process when another thread
-- calls one.  The mode is the cooperative one.
-- A coroutine waits for a job while others go on; run(), or wait() outside of coroutines, polls for
-- jobs that have ended.
--
-- What fails returns nil and an error, a table with a code and a message, as Lua's own libraries do.

local ffi = require("ffi")

ffi.cdef[[
typedef struct ptj_attr ptj_attr;
typedef struct ptj_scheduler ptj_scheduler;
typedef struct ptj_job_attr ptj_job_attr;
typedef struct ptj_job ptj_job;
typedef struct ptj_completions ptj_completions;

const char *ptj_strerror(int code);
int ptj_constant(const char *name, int64_t *value);
int ptj_attr_create(ptj_attr **out);
int ptj_attr_set_limit(ptj_attr *attr, size_t limit);
int ptj_attr_set_pending_limit(ptj_attr *attr, size_t pending_limit);
int ptj_attr_set_cancel_mode(ptj_attr *attr, int mode);
void ptj_attr_free(ptj_attr *attr);
int ptj_scheduler_create(ptj_scheduler **out, const ptj_attr *attr);
int ptj_scheduler_close(ptj_scheduler *s);
void ptj_scheduler_free(ptj_scheduler *s);
int ptj_completions_create(ptj_completions **out, int fd);
int ptj_completions_fd(const ptj_completions *c);
int ptj_completions_take(ptj_completions *c, ptj_job **jobs, size_t n, int64_t timeout_ms,
                         size_t *taken);
void ptj_completions_free(ptj_completions *c);
int ptj_job_attr_create(ptj_job_attr **out);
int ptj_job_attr_set_completions(ptj_job_attr *attr, ptj_completions *completions);
void ptj_job_attr_free(ptj_job_attr *attr);
int ptj_spawn_symbol(ptj_scheduler *s, const ptj_job_attr *attr, const char *library,
                     const char *symbol, void *arg, int64_t timeout_ms, ptj_job **out);
int ptj_job_poll(ptj_job *job, int64_t timeout_ms, void **result);
int ptj_job_close(ptj_job *job, int64_t timeout_ms);
int ptj_job_error(const ptj_job *job);
const char *ptj_job_error_message(const ptj_job *job);
void ptj_job_unref(ptj_job *job);

struct pollfd { int fd; short events, revents; };
int poll(struct pollfd *fds, unsigned long n, int timeout_ms);
]]
local C = ffi.load("libptjobs.so.0")

local function constant(name)
	local value = ffi.new("int64_t[1]")
	assert(C.ptj_constant(name, value) == 0)
	return tonumber(value[0])
end

local COOPERATIVE = constant("PTJ_CANCEL_COOPERATIVE")
local EFAILED = constant("PTJ_EFAILED")
local POLLIN = 1

local Error = {}
Error.__index = Error

function Error.__tostring(self)
	return self.message
end

local function error_of(code, message)
	message = ffi.string(message ~= nil and message or C.ptj_strerror(code))
	return setmetatable({code = tonumber(code), message = message}, Error)
end

local function check(code)
	if code ~= 0 then
		error(error_of(code))
	end
end

-- An object of the library that is released when Lua has forgotten it.
local function create(kind, ...)
	local out = ffi.new("ptj_" .. kind .. " *[1]")
	check(C["ptj_" .. kind .. "_create"](out, ...))
	return ffi.gc(out[0], C["ptj_" .. kind .. "_free"])
end

-- A handle as a key of a table.
local function key(handle)
	return tonumber(ffi.cast("uintptr_t", handle))
end

-- The jobs that have not been taken from their queue, by handle: C may use whatever they refer to,
-- and their scheduler, as long as they run.
local jobs = {}

local Job = {}
Job.__index = Job

-- Waits until the job has ended; a coroutine yields meanwhile.  Returns the result of the C function,
-- as a number, or nil and an error.
function Job:wait()
	local thread = coroutine.running()
	while not self.ended do
		if thread then
			table.insert(self.waiting, thread)
			coroutine.yield()
		else
			self.scheduler:step()
		end
	end
	return self.result, self.error
end

-- Begins to close the job; wait() tells how it ended.
function Job:cancel()
	C.ptj_job_close(self.handle, 0)
end

-- Notes how the job ended, or that the close of its scheduler did not wait for it.
local function finish(job)
	if job.ended then
		return
	end
	local result = ffi.new("void *[1]")
	local code = C.ptj_job_poll(job.handle, 0, result)
	if code == 0 then
		job.result = tonumber(ffi.cast("intptr_t", result[0]))
	elseif code == EFAILED then
		job.error = error_of(C.ptj_job_error(job.handle), C.ptj_job_error_message(job.handle))
	else
		job.error = error_of(code)
	end
	job.ended = true
	for _, thread in ipairs(job.waiting) do
		assert(coroutine.resume(thread))
	end
end

local Scheduler = {}
Scheduler.__index = Scheduler

-- Runs a function of a C library, void *(*)(void *), with a copy of a string, or a number.  Returns the
-- job, or nil and an error; EAGAIN while pending_limit jobs are in line.
function Scheduler:spawn(library, name, argument)
	if type(argument) == "string" then
		argument = ffi.new("char[?]", #argument + 1, argument)
	else
		argument = ffi.cast("void *", argument or 0)
	end
	local out = ffi.new("ptj_job *[1]")
	local code = C.ptj_spawn_symbol(self.scheduler, self.attr, library, name, argument, 0, out)
	if code ~= 0 then
		return nil, error_of(code)
	end
	local job = {
		scheduler = self,
		argument = argument,
		handle = ffi.gc(out[0], C.ptj_job_unref),
		waiting = {},
	}
	jobs[key(job.handle)] = setmetatable(job, Job)
	self.count = self.count + 1
	return job
end

-- Runs a coroutine until it first waits; run() does the rest.
function Scheduler:go(fn, ...)
	assert(coroutine.resume(coroutine.create(fn), ...))
end

function Scheduler:take()
	local handle, taken = ffi.new("ptj_job *[1]"), ffi.new("size_t[1]")
	while C.ptj_completions_take(self.completions, handle, 1, 0, taken) == 0 do
		local job = jobs[key(handle[0])]
		jobs[key(handle[0])] = nil
		self.count = self.count - 1
		finish(job)
		C.ptj_job_unref(handle[0])
	end
end

-- Polls until jobs have ended, and has those who wait for them go on.
function Scheduler:step()
	local ready = ffi.new("struct pollfd[1]", {{C.ptj_completions_fd(self.completions), POLLIN}})
	ffi.C.poll(ready, 1, -1)
	self:take()
end

-- Does so until there are no more jobs.
function Scheduler:run()
	while self.count > 0 do
		self:step()
	end
end

-- Closes all jobs.  For one that does not obey wait() returns an error with ETIMEDOUT.
function Scheduler:close()
	check(C.ptj_scheduler_close(self.scheduler))
	self:take()
	for _, job in pairs(jobs) do
		if job.scheduler == self then
			finish(job)
		end
	end
end

local ptjobs = {ECANCELED = 125} -- as Linux has it on nearly all machines

-- A scheduler that runs at most options.limit jobs at once.
function ptjobs.scheduler(options)
	local attr = create("attr")
	check(C.ptj_attr_set_limit(attr, options.limit or 100))
	check(C.ptj_attr_set_pending_limit(attr, options.pending_limit or 10000))
	check(C.ptj_attr_set_cancel_mode(attr, COOPERATIVE))
	local self = {
		scheduler = create("scheduler", attr),
		completions = create("completions", -1),
		attr = create("job_attr"),
		count = 0,
	}
	check(C.ptj_job_attr_set_completions(self.attr, self.completions))
	return setmetatable(self, Scheduler)
end

return ptjobs
