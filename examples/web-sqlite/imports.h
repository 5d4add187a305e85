/* Imports: background jobs, which a request starts and does not wait for.

   What is to be imported stands in the database, with the state of the import, so that its job
   needs nothing but a number, and its status can be asked for at any time, also when the job is
   long gone: waiting, then running, then done, failed, cancelled, or, where the server was stopped
   before the import was done, stopped.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef IMPORTS_H
#define IMPORTS_H

#include <ptjobs-microhttpd.h>

int imports_add_routes(ptj_web_app *app);

#endif
