/* The notes: listed, searched, read and written.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef NOTES_H
#define NOTES_H

#include <ptjobs-microhttpd.h>

int notes_add_routes(ptj_web_app *app);

#endif
