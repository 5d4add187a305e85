# PTJ_PEER(NAME, COMMANDS): COMMANDS set found to yes where the peer NAME can be built, unless peers
# are disabled.  Adds it to peers, and makes the conditional PEER_NAME.
AC_DEFUN([PTJ_PEER], [
found=no
AS_IF([test "$enable_peers" != no], [$2])
AS_IF([test $found = yes], [AS_VAR_APPEND([peers], [" $1"])])
AM_CONDITIONAL([PEER_]m4_toupper([$1]), [test $found = yes])])
