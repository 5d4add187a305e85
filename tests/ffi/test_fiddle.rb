# frozen_string_literal: true

# What ptjobs with Fiddle, examples/ffi/ruby/ptjobs_fiddle.rb, must stand.

BINDING = "ptjobs_fiddle"
require_relative "ruby_functions"
