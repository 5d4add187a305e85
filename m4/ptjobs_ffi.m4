# PTJ_FFI(NAME, COMMANDS): COMMANDS set found to yes where make check can run its programs of NAME,
# a language or what one of them needs.  Adds it to FFI, and makes the conditional FFI_NAME.
AC_DEFUN([PTJ_FFI], [
found=no
AS_IF([test $enable_ffi = yes], [$2])
AS_IF([test $found = yes], [AS_VAR_APPEND([FFI], ["${FFI:+ }$1"])])
AM_CONDITIONAL([FFI_]m4_toupper(m4_translit([$1], [-], [_])), [test $found = yes])])
