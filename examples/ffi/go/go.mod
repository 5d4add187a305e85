module ffi

go 1.19
