/* Everything at once, from many threads, with an account of all of it.

   In each round some drivers (stress_driver.c) use a few schedulers in all the ways there are,
   while these are closed and others made in their place; jobs sleep, compute, fail, exit, disobey,
   spawn, wait and shield (stress_body.c), and some are run by the program (stress_host.c).

   What must hold for each of them is in item_judge(): a spawn that failed or was cancelled left no
   job; a job ended once, as its body says, and as all were told who asked; it was cancelled only if
   somebody asked for that; its argument was released once; it was once in its completion queue; and
   the exception handler heard once of its failure, where nobody else did, and once of it as a
   straggler.  When a round is over the process has no thread, descriptor, block or mapping that it
   did not have before.

   PTJ_STRESS=N makes it N rounds; PTJ_SEED=S repeats the choices of a run, though not the
   interleaving.  Prints its seed and its counts, and aborts at the first broken promise.

   SPDX-License-Identifier: Apache-2.0 */

#include "stress.h"
#include "stress_body.h"
#include "stress_driver.h"
#include "stress_held.h"
#include "stress_venue.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DRIVERS = 5, SLOTS = 3, ACTIONS = 1200, ROUNDS = 30, STALL_S = 60 };

/* ---- The taker of the queue that all share -------------------------------------------------- */

static atomic_int taker_may_go;

static void *taker_main(void *unused)
{
	while (!atomic_load(&taker_may_go))
		body_take(shared_queue, 5);
	return unused;
}

/* ---- Rounds --------------------------------------------------------------------------------- */

/* Stragglers end by themselves; and a thread that was joined is counted until the system has
   removed it. */
static void await_threads(int n)
{
	int ms;

	for (ms = 0; held_threads() > n; ms++) {
		must(ms < PATIENCE_MS);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static void judge_all(struct slot *slot, struct tally *tally)
{
	struct venue *v, *next;

	for (v = slot->retired; v; v = next) {
		next = v->next;
		venue_judge(v, tally);
	}
}

static void drive(struct slot *slots, uint64_t *random)
{
	struct driver drivers[DRIVERS];
	int i;

	for (i = 0; i < DRIVERS; i++) {
		choose(random, 2);
		drivers[i] = (struct driver){
			.slots = slots, .slots_n = SLOTS, .actions = ACTIONS, .random = *random};
		must(pthread_create(&drivers[i].thread, NULL, driver_main, &drivers[i]) == 0);
	}
	for (i = 0; i < DRIVERS; i++)
		must(pthread_join(drivers[i].thread, NULL) == 0);
}

static void run_round(uint64_t *random, struct tally *tally)
{
	struct slot slots[SLOTS];
	pthread_t taker;
	int i, threads = held_threads(), descriptors = held_descriptors();
	long blocks = held_blocks(), mapped = held_mapped();

	must(ptj_completions_create(&shared_queue, -1) == 0);
	atomic_store(&taker_may_go, 0);
	must(pthread_create(&taker, NULL, taker_main, NULL) == 0);
	for (i = 0; i < SLOTS; i++) {
		choose(random, 2);
		slot_open(&slots[i], *random);
	}
	drive(slots, random);
	for (i = 0; i < SLOTS; i++)
		slot_close(&slots[i]);
	await_threads(threads + 1);
	atomic_store(&taker_may_go, 1);
	must(pthread_join(taker, NULL) == 0);
	for (i = 0; i < 1000; i++)
		body_take(shared_queue, 0);
	ptj_completions_free(shared_queue);
	for (i = 0; i < SLOTS; i++)
		judge_all(&slots[i], tally);
	await_threads(threads);
	must(held_threads() == threads);
	must(held_descriptors() == descriptors);
	must(held_blocks() == blocks);
	must(held_mapped() == mapped);
}

static void print(const struct tally *t)
{
	printf("%ld jobs: %ld finished, %ld failed, %ld cancelled; %ld of them shielded; %ld "
	       "refused; "
	       "%ld released, %ld reported, %ld stragglers, %ld taken; 0 innocents\n",
	       t->spawned, t->finished, t->failed, t->cancelled, t->shielded, t->refused,
	       t->released, t->told, t->stragglers, t->appeared);
}

/* What the run-time starts with a program's first thread is not ours. */
static void *no_work(void *unused)
{
	return unused;
}

static void warm_up(void)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, no_work, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
}

int main(void)
{
	long i, rounds = stress_begin(ROUNDS, STALL_S);
	uint64_t random = stress_seed() | 1;
	struct tally tally = {0};

	warm_up();
	for (i = 0; i < rounds; i++)
		run_round(&random, &tally);
	print(&tally);
	must(tally.tried == tally.spawned + tally.refused);
	must(tally.spawned == tally.finished + tally.failed + tally.cancelled);
	must(tally.released == tally.spawned - tally.shielded);
	return EXIT_SUCCESS;
}
