/* The exit statuses of the command ptjobs, as ptjobs.1 lists them.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef STATUS_H
#define STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* a job failed */
	STATUS_USAGE = 2,        /* the command line makes no sense */
	STATUS_INPUT = 3,        /* the input cannot be read */
	STATUS_SYSTEM = 4,       /* the output cannot be written, or memory or threads lack */
	STATUS_CANNOT_RUN = 126, /* COMMAND is there, but cannot be run */
	STATUS_NOT_FOUND = 127,  /* there is no COMMAND */
	STATUS_SIGNAL = 128      /* and the number of the signal that ended the run */
};

#endif
