#!/usr/bin/env ruby
# frozen_string_literal: true

# SPDX-License-Identifier: Apache-2.0

# compress.rb FROM TO: compresses the files of the folder FROM into the folder TO, in C, with the ffi
# gem.  The jobs are the address of a C function, beside which Ruby goes on.

require_relative "ptjobs"

COMPRESS_FILE = FFI::DynamicLibrary.open("libcompress.so", FFI::DynamicLibrary::RTLD_NOW)
                                   .find_function("compress_file")

from, to = ARGV
compress = lambda do |scheduler, path|
  scheduler.spawn(COMPRESS_FILE, "#{path}\0#{to}/#{File.basename(path)}.gz\0")
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
