/* SPDX-License-Identifier: Apache-2.0 */

#include "task.h"

#include "database.h"

#include <errno.h>

static int serve(ptj_web_request *request, void *user)
{
	const struct task *task = user;
	sqlite3 *db = database_enter();
	int error;

	if (db) {
		error = task->handle(request, db);
		database_leave();
	} else {
		error = ptj_web_fail(request, EIO, "the database cannot be opened");
	}
	tally_add(task->kind, error);
	return error;
}

static int set_up(ptj_web_route_attr *attr, const struct task *task)
{
	int error = ptj_web_route_attr_set_atomic(attr, 1);

	if (error == 0)
		error = ptj_web_route_attr_set_name(attr, tally_kind_names[task->kind]);
	if (error == 0 && task->ends_with_client)
		error = ptj_web_route_attr_set_close_on_disconnect(attr, 1);
	if (error == 0 && task->body_limit > 0)
		error = ptj_web_route_attr_set_body_limit(attr, task->body_limit);
	return error;
}

static int add_route(ptj_web_app *app, const struct task *task)
{
	ptj_web_route_attr *attr;
	int error = ptj_web_route_attr_create(&attr);

	if (error != 0)
		return error;
	error = set_up(attr, task);
	if (error == 0)
		error = ptj_web_route_with(app, attr, task->method, task->path, serve,
		                           (void *)task);
	ptj_web_route_attr_free(attr);
	return error;
}

int task_add_routes(ptj_web_app *app, const struct task *tasks, size_t n)
{
	int error = 0;
	size_t i;

	for (i = 0; i < n && error == 0; i++)
		error = add_route(app, &tasks[i]);
	return error;
}
