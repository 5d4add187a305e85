# PTJ_COMPILE_FLAGS(VARIABLE, FLAGS): appends each of FLAGS that the C compiler knows to VARIABLE.
AC_DEFUN([PTJ_COMPILE_FLAGS], [
for ptj_flag in $2; do
	AC_MSG_CHECKING([whether $CC takes $ptj_flag])
	ptj_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $ptj_flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM],
		[AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1], [" $ptj_flag"])],
		[AC_MSG_RESULT([no])])
	CFLAGS=$ptj_saved_CFLAGS
done])

# PTJ_CHECK_LINK(FLAGS, IF-YES, IF-NO): whether the C compiler links a program with FLAGS.
AC_DEFUN([PTJ_CHECK_LINK], [
AC_MSG_CHECKING([whether $CC links with $1])
ptj_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM],
	[CFLAGS=$ptj_saved_CFLAGS; AC_MSG_RESULT([yes]); $2],
	[CFLAGS=$ptj_saved_CFLAGS; AC_MSG_RESULT([no]); $3])])
