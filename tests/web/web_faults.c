/* The calls that only the web integration makes: of the system, of libmicrohttpd, and a few of its
   own, to stop a thread in.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_faults.h"
#include "../faults.h"
#include "../sanitizers.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

UNINSTRUMENTED_BEGIN

struct pipe;

static struct {
	atomic_int failing; /* how many are still to fail */
	atomic_int error;
	atomic_int refused;
	_Atomic(struct gate *) gate;
} calls[CALLS];

static atomic_int twice;

void refuse(enum call call, int error, int n)
{
	atomic_store(&calls[call].error, error);
	atomic_store(&calls[call].refused, 0);
	atomic_store(&calls[call].failing, n);
}

int refused(enum call call)
{
	return atomic_load(&calls[call].refused);
}

void hold(enum call call, struct gate *gate)
{
	atomic_store(&calls[call].gate, gate);
}

void find_twice(void)
{
	atomic_store(&twice, 1);
}

/* The error that a call is to fail with; 0 for none. */
static int error_of(enum call call)
{
	if (atomic_load(&calls[call].failing) == 0)
		return 0;
	atomic_fetch_sub(&calls[call].failing, 1);
	atomic_fetch_add(&calls[call].refused, 1);
	return atomic_load(&calls[call].error);
}

static bool fails(enum call call)
{
	int error = error_of(call);

	if (error)
		errno = error;
	return error != 0;
}

static void pass(enum call call)
{
	struct gate *gate = atomic_exchange(&calls[call].gate, NULL);

	if (gate)
		gate_pass_stubborn(gate);
}

/* ---- Sockets -------------------------------------------------------------------------------- */

WRAP(int, socket, int domain, int type, int protocol)
{
	if (fault_fails(NO_DESCRIPTOR, EMFILE) || fails(CALL_SOCKET))
		return -1;
	return __real_socket(domain, type, protocol);
}

WRAP(int, bind, int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(CALL_BIND) ? -1 : __real_bind(fd, addr, len);
}

WRAP(int, listen, int fd, int n)
{
	return fails(CALL_LISTEN) ? -1 : __real_listen(fd, n);
}

WRAP(int, getsockname, int fd, struct sockaddr *addr, socklen_t *len)
{
	if (fault_fails(NO_ANSWER, ENOBUFS) || fails(CALL_GETSOCKNAME))
		return -1;
	return __real_getsockname(fd, addr, len);
}

WRAP(int, getaddrinfo, const char *node, const char *service, const struct addrinfo *hints,
     struct addrinfo **found)
{
	struct addrinfo *more;
	int error, rc;

	pass(CALL_GETADDRINFO);
	if (fault_strikes(NO_MEMORY))
		return EAI_MEMORY;
	if (fault_fails(NO_DESCRIPTOR, EMFILE))
		return EAI_SYSTEM;
	error = error_of(CALL_GETADDRINFO);
	if (error) {
		errno = error > 0 ? error : 0;
		return error > 0 ? EAI_SYSTEM : error;
	}
	rc = __real_getaddrinfo(node, service, hints, found);
	if (rc == 0 && atomic_exchange(&twice, 0)) {
		rc = __real_getaddrinfo(node, service, hints, &more);
		for (struct addrinfo *last = *found; rc == 0 && last != more; last = last->ai_next)
			if (!last->ai_next)
				last->ai_next = more;
	}
	return rc;
}

WRAP(int, accept4, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	if (fault_fails(NO_DESCRIPTOR, EMFILE) || fails(CALL_ACCEPT))
		return -1;
	return __real_accept4(fd, addr, len, flags);
}

WRAP(int, epoll_create1, int flags)
{
	return fault_fails(NO_DESCRIPTOR, EMFILE) ? -1 : __real_epoll_create1(flags);
}

WRAP(int, epoll_ctl, int epoll, int what, int fd, struct epoll_event *event)
{
	if (what == EPOLL_CTL_ADD && fault_fails(NO_MEMORY, ENOMEM))
		return -1;
	return __real_epoll_ctl(epoll, what, fd, event);
}

/* ---- Objects -------------------------------------------------------------------------------- */

WRAP(int, pthread_condattr_init, pthread_condattr_t *attr)
{
	return fault_strikes(NO_OBJECT) ? ENOMEM : __real_pthread_condattr_init(attr);
}

WRAP(int, pthread_cond_init, pthread_cond_t *cond, const pthread_condattr_t *attr)
{
	return fault_strikes(NO_OBJECT) ? EAGAIN : __real_pthread_cond_init(cond, attr);
}

/* ---- libmicrohttpd -------------------------------------------------------------------------- */

WRAP(struct MHD_Response *, MHD_create_response_from_buffer, size_t size, void *buf,
     enum MHD_ResponseMemoryMode mode)
{
	return fault_strikes(NO_MEMORY) ? NULL
	                                : __real_MHD_create_response_from_buffer(size, buf, mode);
}

WRAP(struct MHD_Response *, MHD_create_response_from_callback, uint64_t size, size_t block,
     MHD_ContentReaderCallback read, void *user, MHD_ContentReaderFreeCallback release)
{
	if (fault_strikes(NO_MEMORY))
		return NULL;
	return __real_MHD_create_response_from_callback(size, block, read, user, release);
}

WRAP(struct MHD_Response *, MHD_create_response_from_fd_at_offset64, uint64_t size, int fd,
     uint64_t offset)
{
	if (fault_strikes(NO_MEMORY))
		return NULL;
	return __real_MHD_create_response_from_fd_at_offset64(size, fd, offset);
}

WRAP(enum MHD_Result, MHD_add_response_header, struct MHD_Response *response, const char *name,
     const char *value)
{
	if (fault_strikes(NO_MEMORY))
		return MHD_NO;
	return __real_MHD_add_response_header(response, name, value);
}

/* Where it fails, the connection is closed. */
WRAP(enum MHD_Result, MHD_add_connection, struct MHD_Daemon *daemon, int fd,
     const struct sockaddr *addr, socklen_t len)
{
	bool silent = fails(CALL_ADD_CONNECTION);

	if (!silent && !fault_strikes(NO_MEMORY))
		return __real_MHD_add_connection(daemon, fd, addr, len);
	close(fd);
	return silent ? MHD_YES : MHD_NO;
}

WRAP(enum MHD_Result, MHD_is_feature_supported, enum MHD_FEATURE feature)
{
	return fails(CALL_HAS_FEATURE) ? MHD_NO : __real_MHD_is_feature_supported(feature);
}

WRAP(int, MHD_get_connection_values_n, struct MHD_Connection *connection, enum MHD_ValueKind kind,
     MHD_KeyValueIteratorN visit, void *user)
{
	pass(CALL_GET_VALUES);
	return __real_MHD_get_connection_values_n(connection, kind, visit, user);
}

WRAP(void, MHD_resume_connection, struct MHD_Connection *connection)
{
	__real_MHD_resume_connection(connection);
	pass(CALL_RESUME);
}

/* ---- The library ---------------------------------------------------------------------------- */

WRAP(struct pipe *, pipe_create, bool obliging)
{
	pass(CALL_MAKE_PIPE);
	return __real_pipe_create(obliging);
}

WRAP(int, ptj_spawn_attr, ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg,
     int64_t timeout_ms, ptj_job **out)
{
	int rc = __real_ptj_spawn_attr(s, attr, fn, arg, timeout_ms, out);

	pass(CALL_SPAWN);
	return rc;
}

UNINSTRUMENTED_END
