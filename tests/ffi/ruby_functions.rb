# frozen_string_literal: true

# What ptjobs with Ruby's FFIs must stand with jobs that are C functions.  BINDING is which.

require "io/nonblock"
require "minitest/autorun"
require "open3"
require "rbconfig"
require "socket"
require BINDING

GIVE, SUM, FAIL, OBEY, GATE = %w[give sum fail obey gate].map { |name| ["libjobs.so", "job_#{name}"] }

# Where job_gate() waits until it is let through, and job_obey() until it is closed.
class Gate
  def initialize
    @ours, @theirs = UNIXSocket.pair
    @theirs.nonblock = false
  end

  def fd = @theirs.fileno

  def arrive = @theirs.write("!")

  def wait_for_job = @ours.readpartial(1)

  def open = @ours.write("\a")
end

# Runs a program with the binding, and checks that it ends well and which jobs the close of its
# scheduler reports as not obeying.
def assert_ends_well(program, reported)
  include = $LOAD_PATH.map { |path| "-I#{path}" }
  _, reports, status = Open3.capture3(RbConfig.ruby, *include, "-r", BINDING, "-e", program)
  assert_predicate status, :success?, reports
  assert_equal reported, reports.scan(/name=(.*)>/).flatten.sort, reports
  assert_equal 3 * reported.size, reports.lines.size, reports
end

class TestFunctions < Minitest::Test
  def test_thousands_of_functions
    Ptjobs::Scheduler.open(limit: 4, pending_limit: 0) do |scheduler|
      jobs = (0...20_000).map { |n| scheduler.spawn(*GIVE, n) }
      assert_equal((0...20_000).to_a, jobs.map(&:value))
    end
  end

  def test_failure_has_its_code_and_message
    Ptjobs::Scheduler.open do |scheduler|
      error = assert_raises(Ptjobs::JobError) { scheduler.spawn(*FAIL, "disk on fire").value }
      assert_equal [Errno::EIO::Errno, "disk on fire"], [error.code, error.message]
    end
  end

  def test_what_is_not_there_is_refused
    Ptjobs::Scheduler.open do |scheduler|
      error = assert_raises(Ptjobs::Error) { scheduler.spawn("libmissing.so", "job_give") }
      assert_equal Errno::ELIBACC::Errno, error.code
      error = assert_raises(Ptjobs::Error) { scheduler.spawn("libjobs.so", "job_missing") }
      assert_equal Errno::ENOSYS::Errno, error.code
    end
  end

  def test_cancel_ends_a_job_that_obeys
    gate = Gate.new
    Ptjobs::Scheduler.open do |scheduler|
      job = scheduler.spawn(*OBEY, gate.fd)
      gate.wait_for_job
      job.cancel
      assert_raises(Ptjobs::Cancelled) { job.value }
      job.cancel
    end
  end

  def test_cancelled_job_that_finishes_all_the_same_has_its_result
    gate = Gate.new
    Ptjobs::Scheduler.open do |scheduler|
      job = scheduler.spawn(*GATE, gate.fd)
      gate.wait_for_job
      job.cancel
      gate.open
      assert_equal 7, job.value
    end
  end

  def test_close_does_not_wait_for_a_job_that_does_not_obey
    gate = Gate.new
    scheduler = Ptjobs::Scheduler.new
    stubborn = scheduler.spawn(*GATE, gate.fd)
    obedient = scheduler.spawn(*OBEY, gate.fd)
    2.times { gate.wait_for_job }
    _, reports = capture_subprocess_io { scheduler.close }
    assert_equal %w[job-1], reports.scan(/name=(.*)>/).flatten
    assert_raises(Ptjobs::Cancelled) { obedient.value }
    assert_equal Errno::ETIMEDOUT::Errno, assert_raises(Ptjobs::Error) { stubborn.value }.code
    assert_equal Errno::ESHUTDOWN::Errno, assert_raises(Ptjobs::Error) { scheduler.spawn(*GIVE) }.code
    # What the job holds is given back when it has ended all the same.
    gate.open
    scheduler.wait_until { Ptjobs::JOBS.empty? }
  end

  def test_arguments_live_until_their_jobs_have_ended
    gate = Gate.new
    sums = nil
    Ptjobs::Scheduler.open(limit: 1) do |scheduler|
      scheduler.spawn(*GATE, gate.fd)
      jobs = (1...1000).map { |n| scheduler.spawn(*SUM, (n % 255 + 1).chr * n) }
      GC.start
      GC.compact
      1000.times { |n| "x" * n }
      gate.open
      sums = jobs.map(&:value)
    end
    assert_equal((1...1000).map { |n| n * (n % 255 + 1) }, sums)
    assert_empty(Ptjobs::JOBS)
  end

  def test_other_threads_run_while_one_waits
    gate = Gate.new
    Ptjobs::Scheduler.open do |scheduler|
      job = scheduler.spawn(*GATE, gate.fd)
      gate.wait_for_job
      # It opens the gate while this thread waits, or never.
      opener = Thread.new { sleep(0.05) && gate.open }
      assert_equal 7, job.value
      opener.join
    end
  end

  def test_child_has_dead_schedulers_and_makes_new_ones
    gate = Gate.new
    Ptjobs::Scheduler.open do |scheduler|
      job = scheduler.spawn(*GATE, gate.fd)
      gate.wait_for_job
      child = fork { exit! in_child(scheduler, job) }
      assert_equal 0, Process.wait2(child)[1].exitstatus
      gate.open
      assert_equal 7, job.value
    end
  end

  def in_child(scheduler, job)
    begin
      scheduler.spawn(*GIVE)
      return 1
    rescue Ptjobs::Error => e
      return 2 unless e.code == Errno::ENOTRECOVERABLE::Errno
    end
    job.cancel
    Ptjobs::Scheduler.open { |another| another.spawn(*SUM, "a").value } == 97 ? 0 : 3
  end

  def test_program_ends_while_jobs_run
    beginning = <<~'END'
      require "socket"
      ours, theirs = UNIXSocket.pair
      scheduler = Ptjobs::Scheduler.new
      %w[job_spin job_obey].each { |name| scheduler.spawn("libjobs.so", name, theirs.fileno) }
      2.times { ours.readpartial(1) }
    END
    assert_ends_well "#{beginning}scheduler.close", %w[job-1]
    assert_ends_well "#{beginning}exit", %w[job-1]
    assert_ends_well "#{beginning}exit!(true)", []
  end
end
