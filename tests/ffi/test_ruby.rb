# frozen_string_literal: true

# What ptjobs with the ffi gem, examples/ffi/ruby/ptjobs.rb, must stand.

BINDING = "ptjobs"
require_relative "ruby_functions"

class TestBlocks < Minitest::Test
  def test_thousands_of_blocks
    Ptjobs::Scheduler.open(limit: 4, pending_limit: 1000) do |scheduler|
      jobs = (0...3000).map { |n| scheduler.spawn { n.to_s } }
      assert_equal((0...3000).map(&:to_s), jobs.map(&:value))
    end
  end

  def test_no_more_blocks_than_the_limit_run
    running = most = 0
    lock = Mutex.new
    Ptjobs::Scheduler.open(limit: 3) do |scheduler|
      jobs = Array.new(50) do
        scheduler.spawn do
          lock.synchronize { most = [most, running += 1].max }
          sleep 0.001
          lock.synchronize { running -= 1 }
        end
      end
      jobs.each(&:value)
    end
    assert_equal 3, most
  end

  def test_exception_is_a_failure_with_its_message
    Ptjobs::Scheduler.open do |scheduler|
      error = assert_raises(Ptjobs::JobError) { scheduler.spawn { Integer("x") }.value }
      assert_equal 'ArgumentError: invalid value for Integer(): "x"', error.message
      assert_kind_of ArgumentError, error.cause
      error = assert_raises(Ptjobs::JobError) { scheduler.spawn { exit 3 }.value }
      assert_equal "SystemExit: exit", error.message
    end
  end

  def test_cancel_ends_a_block_that_obeys
    gate = Gate.new
    Ptjobs::Scheduler.open do |scheduler|
      job = scheduler.spawn do |me|
        gate.arrive
        sleep 0.001 until me.cancelled?
        raise Ptjobs::Cancelled, Errno::ECANCELED::Errno
      end
      gate.wait_for_job
      job.cancel
      assert_raises(Ptjobs::Cancelled) { job.value }
    end
  end

  def test_close_does_not_wait_for_a_block_that_does_not_obey
    gate = Gate.new
    door = Queue.new
    scheduler = Ptjobs::Scheduler.new
    stubborn = scheduler.spawn { gate.arrive && door.pop }
    waiting = Thread.new { assert_raises(Ptjobs::Error) { stubborn.value }.code }
    gate.wait_for_job
    _, reports = capture_subprocess_io { scheduler.close }
    assert_equal %w[job-1], reports.scan(/name=(.*)>/).flatten
    assert_equal Errno::ETIMEDOUT::Errno, waiting.value
    door.push(1)
    sleep 0.001 until Ptjobs::JOBS.empty?
  end

  def test_garbage_is_collected_while_blocks_run
    Ptjobs::Scheduler.open(limit: 4) do |scheduler|
      jobs = (0...300).map do |n|
        scheduler.spawn(*GIVE) if n.odd?
        scheduler.spawn do
          GC.start if (n % 10).zero?
          GC.compact if (n % 100).zero?
          n.to_s
        end
      end
      assert_equal((0...300).map(&:to_s), jobs.map(&:value))
    end
  end

  def test_many_threads_call_at_once
    results = Queue.new
    Ptjobs::Scheduler.open(limit: 2, pending_limit: 1) do |scheduler|
      threads = Array.new(8) do |i|
        Thread.new do
          (500 * i...500 * (i + 1)).each do |n|
            results << scheduler.spawn(*GIVE, n).value
            results << scheduler.spawn { n }.value if (n % 5).zero?
          end
        end
      end
      threads.each(&:join)
    end
    want = (0...4000).to_a + (0...4000).step(5).to_a
    assert_equal want.sort, Array.new(results.size) { results.pop }.sort
  end

  def test_child_runs_blocks
    Ptjobs::Scheduler.open do |scheduler|
      assert_equal 1, scheduler.spawn { 1 }.value
      child = fork { exit! Ptjobs::Scheduler.open { |another| another.spawn { 2 }.value } }
      assert_equal 2, Process.wait2(child)[1].exitstatus
      assert_equal 3, scheduler.spawn { 3 }.value
    end
  end

  def test_program_ends_while_blocks_run
    beginning = <<~'END'
      scheduler = Ptjobs::Scheduler.new
      begun = Queue.new
      scheduler.spawn { begun.push(1) && sleep }
      scheduler.spawn { begun.push(1) && loop {} }
      2.times { begun.pop }
    END
    assert_ends_well "#{beginning}scheduler.close", %w[job-1 job-2]
    assert_ends_well "#{beginning}exit", %w[job-1 job-2]
    assert_ends_well "#{beginning}exit!(true)", []
  end
end
