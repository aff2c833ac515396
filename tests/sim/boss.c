/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator's process: what conductor.c does, on a disk and a clock that fail. The journal is the real one, in a
 * file; where the process dies within a write, the file is cut within that record. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/run/run_restore.h"
#include "coordinator/run/run_state.h"
#include "tests/sim/boss_state.h"
#include "tests/sim/oracle.h"

#define CHILD_NOTICE_NS (5 * NS_PER_MS) /* SIGCHLD takes a moment */

static const char run_id[] = "00000000-0000-4000-8000-000000000001";

static int64_t wall_of_local(const struct boss *boss)
{
	return (int64_t)boss->sim->now_ns + boss->wall_offset_ns - (int64_t)local(boss);
}

static void boot(struct boss *boss)
{
	struct random *random = &boss->sim->random;

	boss->boots++;
	/* A host that has booted has a young clock. */
	boss->clock = (struct sim_clock){
	        .offset_ns = (int64_t)random_below(random, boss->boots > 1 ? 60 * NS_PER_S : 7200 * NS_PER_S) -
	                     (boss->boots > 1 ? (int64_t)boss->sim->now_ns : 0) + (int64_t)NS_PER_S,
	        .drift_ppb = (int64_t)random_below(random, 200001) - 100000};
}

struct boss *boss_new(struct sim *sim)
{
	struct boss *boss = calloc(1, sizeof(*boss));

	sim_must(boss ? 0 : -ENOMEM, "coordinator");
	boss->sim = sim;
	boss->wall_offset_ns = INT64_C(1700000000000000000);
	snprintf(boss->path, sizeof(boss->path), "%s/journal", sim->folder);
	unlink(boss->path);
	boot(boss);
	return boss;
}

static void close_parts(struct boss *boss)
{
	boss->run = run_free(boss->run);
	boss->journal = journal_close(boss->journal);
}

/* It has gone down within a call: what it was made of goes now. */
static void bury(struct boss *boss)
{
	if (boss->life != LIFE_UP)
		close_parts(boss);
}

struct boss *boss_free(struct boss *boss)
{
	if (!boss)
		return NULL;
	close_parts(boss);
	free(boss);
	return NULL;
}

/* As at the end of conductor_run(): children are told to go. */
static void end_process(struct boss *boss)
{
	close_parts(boss);
	boss->life = LIFE_OVER;
	sim_trace(boss->sim, "the coordinator is over");
	for (uint32_t i = 0; boss->sim->chance.local && i < SIM_AGENTS_MAX; i++)
		if (boss->sim->agents[i] && !agent_has_exited(boss->sim->agents[i]))
			agent_terminate(boss->sim->agents[i]);
}

/* The disk was full: agents are told to stop, and the program ends with what the journal holds. */
static void give_up(struct boss *boss, int r)
{
	sim_trace(boss->sim, "the run can't go on: %s", strerror(-r));
	boss->full = 0;
	oracle_excuse(boss->sim->oracle);
	run_abandon(boss->run, local(boss));
	if (boss->down_ns)
		boss_go_down(boss, "ends, and is resumed");
	else
		end_process(boss);
}

static void count_held(struct boss *boss)
{
	const struct merge *merge = intake_merge(boss->run->intake);

	for (uint32_t i = 0; i < roster_count(run_roster(boss->run)); i++)
		oracle_held(boss->sim->oracle, agent_of(&roster_get(run_roster(boss->run), i)->incarnation),
		            merge_accepted_seq(merge, i));
}

/* After each call of the run's. */
static void look(struct boss *boss, int r)
{
	if (boss->life == LIFE_UP && r < 0)
		give_up(boss, r);
	if (boss->life == LIFE_UP)
		count_held(boss);
	if (boss->life == LIFE_UP && run_state(boss->run) >= RUN_REPORTING) {
		r = run_state(boss->run) == RUN_REPORTING ? run_reported(boss->run, local(boss)) : 0;
		if (boss->life == LIFE_UP && r < 0)
			give_up(boss, r);
		else if (boss->life == LIFE_UP)
			end_process(boss);
	}
	bury(boss);
}

static const char *boot_id(const struct boss *boss)
{
	static const char *const names[] = {"none", "first", "second", "third", "fourth", "fifth"};

	return boss->boots < 6 ? names[boss->boots] : "later";
}

static struct run_config config_of(struct boss *boss)
{
	const struct sim *sim = boss->sim;

	return (struct run_config){.plan = sim->plan->plan,
	                           .plan_text = sim->plan->text,
	                           .plan_size = sim->plan->size,
	                           .run_id = run_id,
	                           .version = "sim",
	                           .expect_agents = sim->chance.agents,
	                           .wait_ns = sim->chance.wait_ns,
	                           .now_ns = local(boss),
	                           .wall_offset_ns = wall_of_local(boss),
	                           .boot_id = boot_id(boss),
	                           .effect = boss_take_effect,
	                           .context = boss};
}

void boss_start(struct boss *boss)
{
	struct run_config config = config_of(boss);
	struct failure failure = {0};

	sim_must(journal_create(boss->sim->folder, 0, &failure, &boss->journal), failure.text);
	sim_must(run_new(&config, &boss->run), "run");
}

/* Whoever journaled T0 did it by the clock of one boot; on another one the wall clock tells where that one would stand.
 */
static void shift_clock(struct boss *boss)
{
	uint64_t since_ns = (uint64_t)((int64_t)boss->sim->now_ns + boss->wall_offset_ns - boss->t0_unix_ns);

	if (boss->t0_ns && boss->t0_boots != boss->boots)
		boss->clock.offset_ns += (int64_t)(boss->t0_ns + since_ns - local(boss));
}

static int restore_record(void *context, struct journal_record *record, uint64_t offset)
{
	struct boss *boss = context;

	(void)offset;
	return run_restore_record(boss->run, record);
}

static void restore(struct boss *boss)
{
	struct run_config config = config_of(boss);
	struct failure failure = {0};
	uint64_t cut = 0;
	int r;

	sim_must(run_restore_new(&config, &boss->run), "run");
	r = journal_reopen(boss->sim->folder, 0, restore_record, boss, &cut, &failure, &boss->journal);
	if (r == 0) {
		sim_trace(boss->sim, "resumed in state %s, %llu bytes cut", run_state_names[run_state(boss->run)],
		          (unsigned long long)cut);
		return;
	}
	sim_break(boss->sim, "the journal can't be resumed: %s", failure.code ? failure.text : strerror(-r));
}

void boss_resume(struct boss *boss, _Bool reboot)
{
	if (reboot)
		boot(boss);
	shift_clock(boss);
	boss->life = LIFE_UP;
	boss->resumes++;
	boss->effects_left = 0;
	boss->full = 0;
	restore(boss);
	if (boss->sim->broken[0])
		return;
	if (run_state(boss->run) >= RUN_REPORTING)
		look(boss, 0);
	else
		look(boss, run_resume(boss->run, local(boss), wall_of_local(boss) + (int64_t)local(boss)));
	for (uint32_t i = 0; boss->sim->chance.local && i < SIM_AGENTS_MAX; i++)
		if (boss->sim->agents[i] && agent_has_exited(boss->sim->agents[i]))
			boss_child_exited(boss, i);
}

void boss_message(struct boss *boss, uint32_t process, struct message *message)
{
	if (boss->life != LIFE_UP)
		return;
	if (agent_of(&message->incarnation) != process)
		sim_break(boss->sim, "agent %u speaks as another one", process);
	if (message->type != MESSAGE_PONG)
		sim_trace(boss->sim, "coordinator gets %s of agent %u", message_type_names[message->type], process);
	look(boss, run_message(boss->run, message, local(boss)));
	if (boss->life == LIFE_UP)
		look(boss, run_tick(boss->run, local(boss)));
}

uint64_t boss_receives_ns(const struct boss *boss)
{
	if (boss->life == LIFE_OVER)
		return CLOCK_NEVER;
	if (boss->life == LIFE_DOWN)
		return boss->resume_ns + 1;
	return boss->frozen_until_ns ? boss->frozen_until_ns : boss->sim->now_ns;
}

uint64_t boss_next_ns(const struct boss *boss)
{
	uint64_t next_ns;

	switch (boss->life) {
	case LIFE_DOWN:
		return boss->resume_ns;
	case LIFE_OVER:
		return CLOCK_NEVER;
	default:
		break;
	}
	if (boss->frozen_until_ns)
		return boss->frozen_until_ns;
	next_ns = sim_clock_when(&boss->clock, run_next_ns(boss->run));
	return boss->exit_count && boss->exits_ns < next_ns ? boss->exits_ns : next_ns;
}

static void reap(struct boss *boss)
{
	uint32_t count = boss->exit_count;

	boss->exit_count = 0;
	for (uint32_t i = 0; i < count && boss->life == LIFE_UP; i++)
		look(boss, run_child_exited(boss->run, AGENT_PID_BASE + boss->exits[i], "its process has ended",
		                            local(boss)));
}

void boss_wake(struct boss *boss)
{
	if (boss->life == LIFE_DOWN) {
		boss_resume(boss, boss->reboot);
		return;
	}
	boss->frozen_until_ns = 0;
	if (boss->exit_count && boss->exits_ns <= boss->sim->now_ns)
		reap(boss);
	if (boss->life == LIFE_UP)
		look(boss, run_tick(boss->run, local(boss)));
}

void boss_fault(struct boss *boss, const struct fault *fault)
{
	if (boss->life != LIFE_UP)
		return;
	switch (fault->type) {
	case FAULT_BOSS_FREEZE:
		boss->frozen_until_ns = boss->sim->now_ns + fault->duration_ns;
		break;
	case FAULT_BOSS_FULL:
		boss->full = 1;
		boss->down_ns = fault->duration_ns;
		boss->reboot = 0;
		break;
	case FAULT_BOSS_INTERRUPT:
		boss->interrupts++;
		look(boss, boss->interrupts == 1 ? run_interrupt(boss->run, local(boss))
		                                 : run_end_now(boss->run, local(boss)));
		break;
	default:
		boss->down_ns = fault->duration_ns;
		boss->reboot = fault->reboot;
		boss->tear = fault->tear;
		boss->effects_left = fault->effects;
		if (fault->effects == 0) {
			boss_go_down(boss, "is killed");
			bury(boss);
		}
	}
}

void boss_child_exited(struct boss *boss, uint32_t process)
{
	if (boss->life != LIFE_UP || boss->exit_count == SIM_AGENTS_MAX)
		return;
	boss->exits[boss->exit_count++] = process;
	boss->exits_ns = boss->sim->now_ns + CHILD_NOTICE_NS;
}

_Bool boss_is_over(const struct boss *boss)
{
	return boss->life == LIFE_OVER;
}

_Bool boss_is_there(const struct boss *boss)
{
	return boss->life == LIFE_UP;
}

uint32_t boss_resumes(const struct boss *boss)
{
	return boss->resumes;
}

uint64_t boss_clock_ns(const struct boss *boss, uint64_t true_ns)
{
	return sim_clock_read(&boss->clock, true_ns);
}

uint64_t boss_t0_ns(const struct boss *boss)
{
	return boss->t0_ns;
}

int64_t boss_drift_ppb(const struct boss *boss)
{
	return boss->clock.drift_ppb;
}
