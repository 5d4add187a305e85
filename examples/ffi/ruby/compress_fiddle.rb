#!/usr/bin/env ruby
# frozen_string_literal: true

# SPDX-License-Identifier: Apache-2.0

# compress_fiddle.rb FROM TO: compresses the files of the folder FROM into the folder TO, in C, with
# Fiddle.  The jobs are the name of a C function, beside which Ruby goes on.

require_relative "ptjobs_fiddle"

from, to = ARGV
compress = lambda do |scheduler, path|
  paths = "#{path}\0#{to}/#{File.basename(path)}.gz\0"
  scheduler.spawn("libcompress.so", "compress_file", paths)
end

closed = Ptjobs::Scheduler.open(limit: 4) do |scheduler|
  endless = compress.(scheduler, "/dev/zero")
  missing = compress.(scheduler, "#{from}/missing")
  files = Dir.each_child(from).map { |name| compress.(scheduler, "#{from}/#{name}") }
  jobs = [endless, missing, *files]

  scheduler.wait_until do
    done = jobs.count(&:ended?)
    $stderr.print "\r#{done} of #{jobs.size}"
    endless.cancel if done >= [10, jobs.size - 1].min
    done == jobs.size
  end
  $stderr.puts

  puts "compressed #{files.size} files, #{files.sum(&:value)} bytes"
  begin
    missing.value
  rescue Ptjobs::JobError => e
    puts "failed: #{e.message}"
  end
  begin
    endless.value
  rescue Ptjobs::Cancelled
    puts "cancelled: /dev/zero"
  end
  scheduler
end

begin
  compress.(closed, "#{from}/late")
rescue Ptjobs::Error => e
  puts "after the close: #{e.message}"
end
