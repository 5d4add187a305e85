module tests

go 1.19

require ffi v0.0.0

replace ffi => ../../examples/ffi/go
