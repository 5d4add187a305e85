/* Sockets that listen.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LISTEN_H
#define LISTEN_H

#include <stdint.h>

/* Listens at an address, or at all of the machine's for NULL, and port, 0 for any; *port becomes
   the one it is.  The descriptor neither blocks nor is inherited.  EADDRNOTAVAIL: there is no such
   address; what socket(2), bind(2) and listen(2) say; ENOMEM. */
int listen_at(const char *address, uint16_t *port, int *out);

#endif
