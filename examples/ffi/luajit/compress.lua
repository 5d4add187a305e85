#!/usr/bin/env luajit
-- SPDX-License-Identifier: Apache-2.0

-- compress.lua FROM TO: compresses the files of the folder FROM into the folder TO, in C.  The jobs
-- are the name of a C function, and a coroutine waits for each.

package.path = arg[0]:match("^(.-)[^/]*$") .. "?.lua;" .. package.path
local ptjobs = require("ptjobs")

local from, to = arg[1], arg[2]
local scheduler = ptjobs.scheduler{limit = 4}

local function compress(path)
	local paths = path .. "\0" .. to .. "/" .. path:match("[^/]*$") .. ".gz\0"
	return scheduler:spawn("libcompress.so", "compress_file", paths)
end

local function files_of(folder)
	local quoted = "'" .. folder:gsub("'", "'\\''") .. "'"
	local list = io.popen("find " .. quoted .. " -mindepth 1 -maxdepth 1 -print0"):read("*a")
	return list:gmatch("%Z+")
end

local endless = assert(compress("/dev/zero"))
local missing = assert(compress(from .. "/missing"))
local files = {}
for path in files_of(from) do
	table.insert(files, assert(compress(path)))
end

local total, done, bytes = #files + 2, 0, 0

local function wait_for(job)
	local size = job:wait()
	bytes = bytes + (size or 0)
	done = done + 1
	io.stderr:write("\r", done, " of ", total)
	if done == math.min(10, total - 1) then
		endless:cancel()
	end
end

scheduler:go(wait_for, endless)
scheduler:go(wait_for, missing)
for _, job in ipairs(files) do
	scheduler:go(wait_for, job)
end
scheduler:run()
io.stderr:write("\n")

print(("compressed %d files, %d bytes"):format(#files, bytes))
local _, failure = missing:wait()
print("failed: " .. tostring(failure))
local _, cancelled = endless:wait()
if cancelled.code == ptjobs.ECANCELED then
	print("cancelled: /dev/zero")
end
scheduler:close()
local _, refusal = compress(from .. "/late")
print("after the close: " .. tostring(refusal))
