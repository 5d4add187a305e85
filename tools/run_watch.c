/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_clock.h"
#include "run_progress.h"
#include "run_screen.h"
#include "run_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 200
#define PROGRESS_MAX 256

static void signals_heard(sigset_t *set)
{
	struct sigaction hangup;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGQUIT);
	/* nohup has it ignored, and is to have its way. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(set, SIGHUP);
}

void watch_block(void)
{
	sigset_t set;

	signals_heard(&set);
	/* Writing to a pipe without a reader is to be an error, which nobody needs to hear of
	   twice. */
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* Where it is ignored, as by some parents, children cannot be waited for. */
	signal(SIGCHLD, SIG_DFL);
}

int watch_init(struct watch *w, struct tally *tally, struct output *output, int64_t grace_ms)
{
	sigset_t set;

	*w = (struct watch){.tally = tally, .output = output, .grace_ms = grace_ms};
	w->close_at = CLOCK_NEVER;
	signals_heard(&set);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	w->drain_fd = eventfd(0, EFD_CLOEXEC);
	w->close_fd = eventfd(0, EFD_CLOEXEC);
	w->quit_fd = eventfd(0, EFD_CLOEXEC);
	return w->signal_fd < 0 || w->drain_fd < 0 || w->close_fd < 0 || w->quit_fd < 0 ? errno : 0;
}

static void notify(int fd)
{
	eventfd_write(fd, 1);
}

static void drain(struct watch *w)
{
	w->stage = WATCH_DRAIN;
	w->close_at = clock_after(w->grace_ms);
	notify(w->drain_fd);
}

/* Jobs that outlast even the close are reported by the scheduler's exception handler. */
static void close_now(struct watch *w)
{
	w->stage = WATCH_CLOSED;
	w->close_at = CLOCK_NEVER;
	notify(w->drain_fd);
	output_close(w->output);
	ptj_scheduler_close(w->scheduler);
}

static void hear(struct watch *w)
{
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (!w->signal)
		w->signal = (int)info.ssi_signo;
	if (w->stage == WATCH_CLOSED)
		return;
	if (w->stage == WATCH_RUN && (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM))
		drain(w);
	else
		close_now(w);
}

static void draw(struct watch *w)
{
	static const char *const stages[] = {"", "draining: ", "closing: "};
	char text[PROGRESS_MAX];
	int n = snprintf(text, sizeof(text), "%s", stages[w->stage]);

	progress_describe(w->scheduler, w->tally, text + n, sizeof(text) - (size_t)n);
	screen_progress(text);
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	bool drawing = screen_has_progress();

	for (;;) {
		int close_fd = w->stage == WATCH_CLOSED ? -1 : w->close_fd;
		struct pollfd fds[] = {
			{.fd = w->signal_fd, .events = POLLIN},
			{.fd = close_fd, .events = POLLIN},
			{.fd = w->quit_fd, .events = POLLIN},
		};
		int64_t until = drawing ? clock_after(TICK_MS) : CLOCK_NEVER;

		if (until > w->close_at)
			until = w->close_at;
		if (poll(fds, 3, clock_poll_timeout(until)) < 0)
			continue;
		if (fds[0].revents)
			hear(w);
		else if (fds[1].revents || (w->stage == WATCH_DRAIN && clock_now() >= w->close_at))
			close_now(w);
		if (fds[2].revents)
			return NULL;
		if (drawing)
			draw(w);
	}
}

int watch_start(struct watch *w, ptj_scheduler *scheduler)
{
	w->scheduler = scheduler;
	return pthread_create(&w->thread, NULL, watch_main, w);
}

void watch_close(struct watch *w)
{
	notify(w->close_fd);
}

void watch_finish(struct watch *w)
{
	notify(w->quit_fd);
	pthread_join(w->thread, NULL);
}
