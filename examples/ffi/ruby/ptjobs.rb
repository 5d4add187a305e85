# frozen_string_literal: true

# SPDX-License-Identifier: Apache-2.0

require "ffi"
require "io/wait"

# ptjobs with the ffi gem.
#
#   Ptjobs::Scheduler.open(limit: 4) do |scheduler|
#     size = scheduler.spawn("library.so", "function", "argument")
#     answer = scheduler.spawn { Net::HTTP.get(uri) }
#     puts size.value, answer.value
#   end
#
# The best job is a C function, which runs on a thread of the scheduler's beside Ruby.  It is given by
# name, since the gem unloads its libraries at the end of the program, whoever is in them.  A block is
# an external job: it counts as any other, and runs on a thread of Ruby's when its turn has come.  The
# gem would also let a thread of the scheduler's call a block, but runs it on another thread, where it
# could not say that the job failed.  The mode is the cooperative one.
#
# Any thread may call any method.
module Ptjobs
  # The functions, under their names without ptj_.  Those that wait let other threads of Ruby run.
  module C
    extend FFI::Library
    ffi_lib "libptjobs.so.0"

    def self.declare(name, arguments, result = :int, **options)
      attach_function(name, :"ptj_#{name}", arguments, result, **options)
    end

    declare :strerror, [:int], :string
    declare :constant, %i[string pointer]
    declare :attr_create, [:pointer]
    declare :attr_set_limit, %i[pointer size_t]
    declare :attr_set_pending_limit, %i[pointer size_t]
    declare :attr_set_cancel_mode, %i[pointer int]
    declare :attr_free, [:pointer], :void
    declare :scheduler_create, %i[pointer pointer]
    declare :scheduler_close, [:pointer], blocking: true
    declare :scheduler_free, [:pointer], :void
    declare :completions_create, %i[pointer int]
    declare :completions_take, %i[pointer pointer size_t int64 pointer]
    declare :completions_free, [:pointer], :void
    declare :job_attr_create, [:pointer]
    declare :job_attr_set_completions, %i[pointer pointer]
    declare :job_attr_free, [:pointer], :void
    declare :spawn_symbol, %i[pointer pointer string string pointer int64 pointer]
    declare :spawn_external, %i[pointer pointer pointer int64 pointer]
    declare :external_fd, [:pointer]
    declare :external_next, %i[pointer int64 pointer]
    declare :job_finish, %i[pointer int string pointer]
    declare :job_closed, [:pointer]
    declare :job_poll, %i[pointer int64 pointer]
    declare :job_close, %i[pointer int64]
    declare :job_error, [:pointer]
    declare :job_error_message, [:pointer], :string
    declare :job_unref, [:pointer], :void

    def self.create(kind, *arguments)
      out = FFI::MemoryPointer.new(:pointer)
      Ptjobs.check(public_send("#{kind}_create", out, *arguments))
      FFI::AutoPointer.new(out.read_pointer, method("#{kind}_free"))
    end
  end

  # A call did not do what it should.
  class Error < StandardError
    attr_reader :code

    def initialize(code, message = nil)
      super(message || C.strerror(code))
      @code = code
    end
  end

  # The job failed, with this code and message.
  class JobError < Error; end

  # The job was closed before it had ended.
  class Cancelled < Error; end

  def self.check(code)
    raise Error, code unless code.zero?
  end

  def self.constant(name)
    out = FFI::MemoryPointer.new(:int64)
    check(C.constant(name, out))
    out.read_int64
  end

  EFAILED = constant("PTJ_EFAILED")
  COOPERATIVE = constant("PTJ_CANCEL_COOPERATIVE")

  # The jobs that have not been taken from their queue, by the address of their handle: C may use
  # whatever they refer to, and their scheduler, as long as they run.  Those that obey have ended
  # before Ruby releases anything at the end of the program.
  JOBS = {}
  at_exit { JOBS.values.map { |job| job.scheduler.handle }.uniq.each { |s| C.scheduler_close(s) } }

  # A job that was spawned.
  class Job
    attr_accessor :handle
    attr_reader :scheduler

    def initialize(scheduler, argument, block)
      @scheduler = scheduler
      @argument = argument
      @block = block
      @ended = false
    end

    # Waits until the job has ended.  Returns the result of the block, or of the C function as an
    # integer, or raises JobError, whose cause is the block's exception, or Cancelled.
    def value
      @scheduler.wait_until { ended? }
      raise @error, cause: @cause if @error

      @block ? @result : @value
    end

    def ended?
      @ended
    end

    # Begins to close the job; value tells how it ended.
    def cancel
      C.job_close(@handle, 0)
    end

    # Whether the job is being closed; its block obeys by raising Cancelled.
    def cancelled?
      C.job_closed(@handle) == 1
    end

    # Runs the block.
    def call
      @result = @block.call(self)
      C.job_finish(@handle, 0, nil, nil)
    rescue Cancelled => e
      C.job_finish(@handle, e.code, nil, nil)
    rescue Exception => e # rubocop:disable Lint/RescueException
      @cause = e
      C.job_finish(@handle, EFAILED, "#{e.class}: #{e.message}", nil)
    end

    # Notes how the job ended, or that the close of its scheduler did not wait for it.
    def finish
      return if @ended

      out = FFI::MemoryPointer.new(:pointer)
      case code = C.job_poll(@handle, 0, out)
      when 0 then @value = out.read_pointer.address
      when EFAILED then @error = JobError.new(C.job_error(@handle), C.job_error_message(@handle))
      when Errno::ECANCELED::Errno then @error = Cancelled.new(code)
      else @error = Error.new(code)
      end
      @ended = true
    end
  end

  # Runs at most limit jobs at once; the end of open's block closes them all.
  class Scheduler
    attr_reader :handle

    def self.open(...)
      scheduler = new(...)
      yield scheduler
    ensure
      scheduler&.close
    end

    # The library writes into the pipe when there are jobs to take, and close when there are not.
    def initialize(limit: 100, pending_limit: 10_000)
      attr = C.create(:attr)
      Ptjobs.check(C.attr_set_limit(attr, limit))
      Ptjobs.check(C.attr_set_pending_limit(attr, pending_limit))
      Ptjobs.check(C.attr_set_cancel_mode(attr, COOPERATIVE))
      @reader, @writer = IO.pipe
      @completions = C.create(:completions, @writer.fileno)
      @handle = C.create(:scheduler, attr)
      @attr = C.create(:job_attr)
      Ptjobs.check(C.job_attr_set_completions(@attr, @completions))
      @lock = Mutex.new # a job is in JOBS before it is taken
      @waiting = Mutex.new
      @takes = 0
    end

    # Runs a function of a C library, void *(*)(void *), with a copy of a string, or an integer; or the
    # block, which is given the job.  Waits while pending_limit jobs are in line.
    def spawn(library = nil, function = nil, argument = 0, &block)
      argument = if argument.is_a?(String)
                   FFI::MemoryPointer.new(:char, argument.bytesize + 1).put_bytes(0, argument)
                 else
                   FFI::Pointer.new(argument)
                 end
      job = Job.new(self, argument, block)
      code = nil
      wait_until { (code = start(job, library, function, argument)) != Errno::EAGAIN::Errno }
      Ptjobs.check(code)
      @host ||= Thread.new { run_blocks } if block
      job
    end

    # Waits until the block returns true, which it calls again when jobs have ended.
    def wait_until
      loop do
        takes = @takes
        return if yield

        @waiting.synchronize do
          if takes == @takes
            @reader.readpartial(4096)
            take
          end
        end
      end
    end

    # Closes all jobs.  The value of one that does not obey raises an Error with ETIMEDOUT.
    def close
      Ptjobs.check(C.scheduler_close(@handle))
      @host&.kill
      take
      stragglers = JOBS.values.select { |job| job.scheduler == self }
      stragglers.each(&:finish)
      @writer.write_nonblock("\0", exception: false)
      Thread.new { wait_until { (stragglers & JOBS.values).empty? } } if stragglers.any?
    end

    private

    def start(job, library, function, argument)
      out = FFI::MemoryPointer.new(:pointer)
      @lock.synchronize do
        code = if function
                 C.spawn_symbol(@handle, @attr, library, function, argument, 0, out)
               else
                 C.spawn_external(@handle, @attr, nil, 0, out)
               end
        if code.zero?
          job.handle = FFI::AutoPointer.new(out.read_pointer, C.method(:job_unref))
          JOBS[job.handle.address] = job
        end
        code
      end
    end

    # Gives a thread to each block whose turn has come.
    def run_blocks
      ready = IO.for_fd(C.external_fd(@handle), autoclose: false)
      out = FFI::MemoryPointer.new(:pointer)
      loop do
        ready.wait_readable
        next unless C.external_next(@handle, 0, out).zero?

        handle = out.read_pointer
        Thread.new(@lock.synchronize { JOBS[handle.address] }) do |job|
          job.call
          C.job_unref(handle)
        end
      end
    end

    def take
      handles = FFI::MemoryPointer.new(:pointer, 64)
      taken = FFI::MemoryPointer.new(:size_t)
      while C.completions_take(@completions, handles, 64, 0, taken).zero?
        handles.read_array_of_pointer(taken.get(:size_t, 0)).each do |handle|
          @lock.synchronize { JOBS.delete(handle.address) }.finish
          C.job_unref(handle)
        end
      end
      @takes += 1
    end
  end
end
