/* SPDX-License-Identifier: Apache-2.0 */
/* What the coordinator's run wants done, on a disk that tears and fills, by a process that dies. */
#include "tests/sim/boss_state.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim/oracle.h"

void boss_go_down(struct boss *boss, const char *how)
{
	sim_trace(boss->sim, "the coordinator %s", how);
	boss->life = boss->down_ns == CLOCK_NEVER ? LIFE_OVER : LIFE_DOWN;
	boss->effects_left = 0;
	boss->resume_ns = boss->sim->now_ns + boss->down_ns;
	boss->frozen_until_ns = 0;
	boss->exit_count = 0;
	net_boss_gone(boss->sim->net);
}

static uint64_t file_size(const struct boss *boss)
{
	struct stat status;

	sim_must(stat(boss->path, &status) < 0 ? -errno : 0, boss->path);
	return (uint64_t)status.st_size;
}

/* Cuts the file within the record that was just written, at any byte of it. */
static void tear_record(struct boss *boss, uint64_t before)
{
	uint64_t size = before + random_below(&boss->sim->random, file_size(boss) - before);

	sim_trace(boss->sim, "the journal ends at byte %llu", (unsigned long long)size);
	sim_must(truncate(boss->path, (off_t)size) < 0 ? -errno : 0, boss->path);
}

/* A record is wholly in the journal. */
static void note(struct boss *boss, const struct journal_record *record)
{
	if (record->type == JOURNAL_START) {
		boss->t0_ns = record->start.t0_ns;
		boss->t0_unix_ns = record->start.t0_unix_ns;
		boss->t0_boots = boss->boots;
		oracle_t0(boss->sim->oracle, sim_clock_when(&boss->clock, boss->t0_ns));
	}
	oracle_record(boss->sim->oracle, record);
}

/* A write that finds no room writes what fits, and fails: the file may grow so far and no further. */
static int append_to_full_disk(struct boss *boss, const struct journal_record *record)
{
	struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY}, tight;
	uint64_t before = file_size(boss);
	struct failure failure = {0};
	int r;

	tight = none;
	tight.rlim_cur = before + random_below(&boss->sim->random, 40);
	sim_must(setrlimit(RLIMIT_FSIZE, &tight) < 0 ? -errno : 0, "setrlimit");
	r = journal_append(boss->journal, record, &failure);
	sim_must(setrlimit(RLIMIT_FSIZE, &none) < 0 ? -errno : 0, "setrlimit");
	if (r == 0) {
		note(boss, record);
		return 0;
	}
	sim_trace(boss->sim, "no room: %s", failure.text);
	if (file_size(boss) != before)
		sim_break(boss->sim, "a record that found no room was not cut off: %llu bytes, %llu before",
		          (unsigned long long)file_size(boss), (unsigned long long)before);
	return r;
}

static int write_record(struct boss *boss, const struct journal_record *record, _Bool dies)
{
	uint64_t before = dies ? file_size(boss) : 0;
	struct failure failure = {0};
	int r;

	if (boss->full)
		return append_to_full_disk(boss, record);
	r = journal_append(boss->journal, record, &failure);
	sim_must(r, failure.text);
	if (dies && boss->tear) {
		tear_record(boss, before);
		boss_go_down(boss, "is killed within a write");
		return -EIO;
	}
	note(boss, record);
	return 0;
}

static void send_message(struct boss *boss, const struct message *message)
{
	uint32_t process = agent_of(&message->incarnation);

	if (message->type != MESSAGE_PING)
		sim_trace(boss->sim, "coordinator sends %s to agent %u, epoch %u %llu",
		          message_type_names[message->type], process, message->epoch,
		          message->type == MESSAGE_ACK ? (unsigned long long)message->ack.seq : 0ULL);
	oracle_boss_sends(boss->sim->oracle, message);
	net_send(boss->sim->net, process, 0, message);
}

int boss_take_effect(void *context, const struct run_effect *effect)
{
	struct boss *boss = context;
	_Bool dies;
	int r = 0;

	if (boss->life != LIFE_UP)
		return -EPIPE;
	dies = effect->type != RUN_TELL && boss->effects_left > 0 && --boss->effects_left == 0;
	if (dies && !(boss->tear && effect->type == RUN_JOURNAL) && random_below(&boss->sim->random, 2)) {
		boss_go_down(boss, "is killed before an effect");
		return -EPIPE;
	}
	switch (effect->type) {
	case RUN_JOURNAL:
		r = write_record(boss, effect->record, dies);
		break;
	case RUN_SEND:
		send_message(boss, effect->message);
		break;
	case RUN_TELL:
		sim_trace(boss->sim, "coordinator: %s", effect->text);
	}
	if (dies && boss->life == LIFE_UP) {
		boss_go_down(boss, "is killed behind an effect");
		return -EPIPE;
	}
	return r;
}
