/* A report that takes its time.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef REPORT_H
#define REPORT_H

#include <ptjobs-microhttpd.h>

int report_add_routes(ptj_web_app *app);

#endif
