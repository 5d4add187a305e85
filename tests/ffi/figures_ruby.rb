# frozen_string_literal: true

# What a job costs in Ruby, through the binding that is required and on threads of Ruby's own: jobs
# that do nothing, a thousand at a time, on four threads.

THREADS = 4
JOBS = 20_000
BATCH = 1000

def now(clock)
  Process.clock_gettime(clock)
end

def figure(name)
  wall = now(Process::CLOCK_MONOTONIC)
  cpu = now(Process::CLOCK_PROCESS_CPUTIME_ID)
  (JOBS / BATCH).times { yield BATCH }
  wall = now(Process::CLOCK_MONOTONIC) - wall
  cpu = now(Process::CLOCK_PROCESS_CPUTIME_ID) - cpu
  puts format("%-40s %9.0f jobs/s %8.2f us of CPU each", name, JOBS / wall, cpu / JOBS * 1e6)
end

gem = defined?(FFI)
Ptjobs::Scheduler.open(limit: THREADS) do |scheduler|
  figure("Ruby, ptjobs with #{gem ? 'the ffi gem' : 'Fiddle'}: function") do |n|
    Array.new(n) { scheduler.spawn("libjobs.so", "job_give", 1) }.each(&:value)
  end
  next unless gem

  figure("Ruby, ptjobs with the ffi gem: block") do |n|
    Array.new(n) { scheduler.spawn { 1 } }.each(&:value)
  end
end
exit unless gem

calls = Queue.new
threads = Array.new(THREADS) do
  Thread.new do
    while (call, result = calls.pop)
      result << call.()
    end
  end
end
figure("Ruby, threads and queues: block") do |n|
  Array.new(n) { Queue.new.tap { |result| calls << [-> { 1 }, result] } }.each(&:pop)
end
calls.close
threads.each(&:join)
