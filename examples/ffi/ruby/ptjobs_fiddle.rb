# frozen_string_literal: true

# SPDX-License-Identifier: Apache-2.0

require "fiddle/import"
require "io/wait"

# ptjobs with Fiddle, which comes with Ruby.
#
#   Ptjobs::Scheduler.open(limit: 4) do |scheduler|
#     job = scheduler.spawn("library.so", "function", "argument")
#     puts job.value
#   end
#
# A job is the names of a library and of a C function in it, which runs on a thread of the
# scheduler's beside Ruby.  It cannot be a closure: Ruby ends the process when a thread that is not
# its own calls one.  The mode is the cooperative one.
#
# A scheduler is for one thread.
module Ptjobs
  # The functions of the library; other threads of Ruby run while one is called.
  module C
    extend Fiddle::Importer
    dlload "libptjobs.so.0"

    extern "const char *ptj_strerror(int)"
    extern "int ptj_constant(const char *, int64_t *)"
    extern "int ptj_attr_create(void **)"
    extern "int ptj_attr_set_limit(void *, size_t)"
    extern "int ptj_attr_set_pending_limit(void *, size_t)"
    extern "int ptj_attr_set_cancel_mode(void *, int)"
    extern "void ptj_attr_free(void *)"
    extern "int ptj_scheduler_create(void **, void *)"
    extern "int ptj_scheduler_close(void *)"
    extern "void ptj_scheduler_free(void *)"
    extern "int ptj_completions_create(void **, int)"
    extern "int ptj_completions_fd(void *)"
    extern "int ptj_completions_take(void *, void **, size_t, int64_t, size_t *)"
    extern "void ptj_completions_free(void *)"
    extern "int ptj_job_attr_create(void **)"
    extern "int ptj_job_attr_set_completions(void *, void *)"
    extern "void ptj_job_attr_free(void *)"
    extern "int ptj_spawn_symbol(void *, void *, const char *, const char *, void *, int64_t, void **)"
    extern "int ptj_job_poll(void *, int64_t, void **)"
    extern "int ptj_job_close(void *, int64_t)"
    extern "int ptj_job_error(void *)"
    extern "const char *ptj_job_error_message(void *)"
    extern "void ptj_job_unref(void *)"
  end

  # A call did not do what it should.
  class Error < StandardError
    attr_reader :code

    def initialize(code, message = nil)
      super(message || C.ptj_strerror(code).to_s)
      @code = code
    end
  end

  # The job failed, with this code and message.
  class JobError < Error; end

  # The job was closed before it had ended.
  class Cancelled < Error; end

  module_function

  def check(code)
    raise Error, code unless code.zero?
  end

  # What the block has a function of the library write to an address: a pointer that is given to
  # ptj_FREE when Ruby has forgotten it.
  def out(free = nil)
    place = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
    check(yield(place))
    Fiddle::Pointer.new(place.ptr.to_i, 0, free && C.handler["ptj_#{free}"])
  end

  def constant(name)
    out { |place| C.ptj_constant(name, place) }.to_i
  end

  EFAILED = constant("PTJ_EFAILED")
  COOPERATIVE = constant("PTJ_CANCEL_COOPERATIVE")

  # The jobs that have not been taken from their queue, by the address of their handle: C may use
  # whatever they refer to, and their scheduler, as long as they run.  Those that obey have ended
  # before Ruby releases anything at the end of the program.
  JOBS = {}
  at_exit { JOBS.values.map { |job| job.scheduler.handle }.uniq.each { |s| C.ptj_scheduler_close(s) } }

  # A job that was spawned.
  class Job
    attr_reader :scheduler

    def initialize(scheduler, argument, handle)
      @scheduler = scheduler
      @argument = argument
      @handle = handle
      @ended = false
    end

    # Waits until the job has ended.  Returns the result of the C function, as an integer, or raises
    # JobError or Cancelled.
    def value
      @scheduler.wait_until { ended? }
      raise @error if @error

      @value
    end

    def ended?
      @ended
    end

    # Begins to close the job; value tells how it ended.
    def cancel
      C.ptj_job_close(@handle, 0)
    end

    # Notes how the job ended, or that the close of its scheduler did not wait for it.
    def finish
      return if @ended

      @value = Ptjobs.out { |place| C.ptj_job_poll(@handle, 0, place) }.to_i
    rescue Error => e
      @error = case e.code
               when EFAILED then failure
               when Errno::ECANCELED::Errno then Cancelled.new(e.code)
               else e
               end
    ensure
      @ended = true
    end

    private

    def failure
      message = C.ptj_job_error_message(@handle)
      JobError.new(C.ptj_job_error(@handle), message.null? ? nil : message.to_s)
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

    def initialize(limit: 100, pending_limit: 10_000)
      attr = Ptjobs.out(:attr_free) { |place| C.ptj_attr_create(place) }
      Ptjobs.check(C.ptj_attr_set_limit(attr, limit))
      Ptjobs.check(C.ptj_attr_set_pending_limit(attr, pending_limit))
      Ptjobs.check(C.ptj_attr_set_cancel_mode(attr, COOPERATIVE))
      @handle = Ptjobs.out(:scheduler_free) { |place| C.ptj_scheduler_create(place, attr) }
      @completions = Ptjobs.out(:completions_free) { |place| C.ptj_completions_create(place, -1) }
      @io = IO.for_fd(C.ptj_completions_fd(@completions), autoclose: false)
      @attr = Ptjobs.out(:job_attr_free) { |place| C.ptj_job_attr_create(place) }
      Ptjobs.check(C.ptj_job_attr_set_completions(@attr, @completions))
    end

    # Runs a function of a C library, void *(*)(void *), with a copy of a string, or an integer.  Error
    # with EAGAIN while pending_limit jobs are in line.
    def spawn(library, function, argument = 0)
      if argument.is_a?(String)
        copy = Fiddle::Pointer.malloc(argument.bytesize + 1, Fiddle::RUBY_FREE)
        copy[0, argument.bytesize + 1] = "#{argument}\0"
        argument = copy
      end
      handle = Ptjobs.out(:job_unref) do |place|
        C.ptj_spawn_symbol(@handle, @attr, library, function, argument, 0, place)
      end
      JOBS[handle.to_i] = Job.new(self, argument, handle)
    end

    # Waits until the block returns true, which it calls again when jobs have ended.
    def wait_until
      until yield
        @io.wait_readable
        take
      end
    end

    # Closes all jobs.  The value of one that does not obey raises an Error with ETIMEDOUT.
    def close
      Ptjobs.check(C.ptj_scheduler_close(@handle))
      take
      JOBS.each_value { |job| job.finish if job.scheduler == self }
    end

    # Takes note of the jobs that have ended, as wait_until does.
    def take
      place = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
      taken = Fiddle::Pointer.malloc(Fiddle::SIZEOF_SIZE_T, Fiddle::RUBY_FREE)
      while C.ptj_completions_take(@completions, place, 1, 0, taken).zero?
        JOBS.delete(place.ptr.to_i).finish
        C.ptj_job_unref(place.ptr)
      end
    end
  end
end
