/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one run. */
#include "coordinator/conductor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/link/link.h"
#include "coordinator/command.h"
#include "coordinator/local_agents.h"
#include "coordinator/print.h"
#include "coordinator/progress.h"
#include "coordinator/run.h"

enum { MESSAGES_A_TURN = 256, CHILDREN_WAIT_MS = 3000 };

struct conductor {
	const struct conductor_config *config;
	struct link *link;
	struct journal *journal;
	struct run *run;
	struct local_agents *children;
	struct progress *progress;
	struct failure *failure; /* of the journal */
	int signals;
	uint64_t next_draw_ns;
	unsigned interrupts;
	char run_id[RUN_ID_SIZE];
};

/* Signals that ask for the end. SIGHUP is one: agents in sessions of their own would go on without us. */
static void ending_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGHUP);
}

/* Done agents go by themselves; those that a stop reached too. */
static void end_children(struct conductor *conductor)
{
	sigset_t set;

	ending_signals(&set);
	if (conductor->signals >= 0)
		(void)signalfd(conductor->signals, &set, 0);
	local_agents_stop(conductor->children, conductor->interrupts > 1 ? 0 : CHILDREN_WAIT_MS, conductor->signals);
	conductor->children = NULL;
}

static void log_refused(const struct conductor *conductor)
{
	uint64_t refused = conductor->link ? link_counters(conductor->link).refused : 0;

	if (refused)
		log_write(conductor->config->log, LOG_WARNING, "refused in all: %llu messages and peers",
		          (unsigned long long)refused);
}

static void conductor_deinit(struct conductor *conductor)
{
	log_refused(conductor);
	progress_clear(conductor->progress);
	end_children(conductor);
	run_free(conductor->run);
	journal_close(conductor->journal);
	link_close(conductor->link);
	progress_free(conductor->progress);
	if (conductor->signals >= 0)
		close(conductor->signals);
}

static int write_record(struct conductor *conductor, const struct journal_record *record)
{
	int r = journal_append(conductor->journal, record, conductor->failure);

	if (r < 0) {
		log_write(conductor->config->log, LOG_ERROR, "%s", conductor->failure->text);
		return r;
	}
	if (record->type == JOURNAL_STATE)
		log_write(conductor->config->log, LOG_INFO, "state: %s", run_state_names[record->state.state]);
	return conductor->progress ? progress_record(conductor->progress, record) : 0;
}

static void say(struct conductor *conductor, _Bool warning, const char *text)
{
	log_write(conductor->config->log, warning ? LOG_WARNING : LOG_INFO, "%s", text);
	if (conductor->config->quiet && !warning)
		return;
	progress_clear(conductor->progress);
	print_notice(text);
}

static int take_effect(void *context, const struct run_effect *effect)
{
	struct conductor *conductor = context;
	int r = 0;

	switch (effect->type) {
	case RUN_JOURNAL:
		return write_record(conductor, effect->record);
	case RUN_SEND:
		r = link_send(conductor->link, effect->message);
		if (r < 0)
			log_write(conductor->config->log, LOG_WARNING, "%s not sent to an agent: %s, ignoring",
			          message_type_names[effect->message->type], strerror(-r));
		return r;
	case RUN_TELL:
		say(conductor, effect->warning, effect->text);
	}
	return r;
}

/* The length of the plan as far as it is known beforehand: 0 if scenarios wait for others. */
static uint64_t planned_length_ns(const struct plan *plan)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		uint64_t end = scenario->start_time_ns + scenario->duration_ns;

		if (scenario->start_after != PLAN_NONE || !scenario->duration_ns)
			return 0;
		longest = end > longest ? end : longest;
	}
	return longest;
}

static int open_signals(struct conductor *conductor)
{
	sigset_t set;

	ending_signals(&set);
	sigaddset(&set, SIGCHLD);
	conductor->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return conductor->signals < 0 ? -errno : 0;
}

static int open_run(struct conductor *conductor)
{
	const struct conductor_config *config = conductor->config;
	uint64_t now_ns = clock_now_ns();
	uint8_t random[16];

	random_bytes(random, sizeof(random));
	text_format_uuid(random, conductor->run_id);
	log_write(config->log, LOG_INFO, "run %s of plan %s, agents at %s", conductor->run_id, config->plan->name,
	          link_address(conductor->link));
	return run_new(&(struct run_config){.plan = config->plan,
	                                    .plan_text = config->plan_text,
	                                    .plan_size = config->plan_size,
	                                    .run_id = conductor->run_id,
	                                    .version = STAMPEDE_VERSION,
	                                    .require_trust = config->require_trust,
	                                    .expect_agents = config->agents,
	                                    .wait_ns = config->wait_ns,
	                                    .now_ns = now_ns,
	                                    .wall_offset_ns = clock_wall_ns() - (int64_t)now_ns,
	                                    .effect = take_effect,
	                                    .context = conductor},
	               &conductor->run);
}

static int open_parts(struct conductor *conductor, struct failure *failure)
{
	const struct conductor_config *config = conductor->config;
	struct link_config link = {.address = config->listen ? config->listen : "tcp://127.0.0.1:0",
	                           .listen = 1,
	                           .insecure = config->insecure,
	                           .keys = config->keys};
	int r = link_open(&link, failure, &conductor->link);

	if (r < 0)
		return r;
	r = journal_create(config->run_folder, config->fsync_each, failure, &conductor->journal);
	if (r < 0)
		return r;
	if (!config->quiet && print_terminal(stderr)) {
		r = progress_new(&(struct progress_config){.file = stderr,
		                                           .planned_ns = planned_length_ns(config->plan),
		                                           .colour = config->colour},
		                 &conductor->progress);
		if (r < 0)
			return r;
	}
	r = open_signals(conductor);
	return r == 0 ? open_run(conductor) : r;
}

static int start_agents(struct conductor *conductor, struct failure *failure)
{
	const struct conductor_config *config = conductor->config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	char text[256];

	if (config->listen) {
		char wait[32];

		snprintf(text, sizeof(text), "waiting up to %s for %u agent%s at %s",
		         units_format_duration(config->wait_ns, wait, sizeof(wait)), config->agents,
		         config->agents == 1 ? "" : "s", link_address(conductor->link));
		say(conductor, 0, text);
		return 0;
	}
	uint32_t workers = cores > 0 ? (uint32_t)cores / config->agents : 1;

	return local_agents_start(&(struct local_agents_config){.address = link_address(conductor->link),
	                                                        .count = config->agents,
	                                                        .workers = workers ? workers : 1,
	                                                        .run_folder = config->run_folder},
	                          failure, &conductor->children);
}

static int take_messages(struct conductor *conductor)
{
	struct failure failure;
	struct message message;
	int r = 0;

	for (int i = 0; r == 0 && i < MESSAGES_A_TURN; i++) {
		failure = (struct failure){0};
		r = link_receive(conductor->link, &message, &failure);
		if (r == -EAGAIN)
			return 0;
		if (r == -EBADMSG) {
			log_write(conductor->config->log, LOG_WARNING, "a message is refused: %s, ignoring",
			          failure.text);
			r = 0;
			continue;
		}
		if (r == -EACCES) {
			log_write(conductor->config->log, LOG_WARNING, "%s", failure.text);
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		r = run_message(conductor->run, &message, clock_now_ns());
		message_deinit(&message);
	}
	return r;
}

static int take_signals(struct conductor *conductor)
{
	struct signalfd_siginfo info;
	struct local_agent_end end;
	int r = 0;

	while (r == 0 && read(conductor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		conductor->interrupts++;
		say(conductor, 0, conductor->interrupts == 1 ? "stopping; once more to end at once" : "ending at once");
		r = conductor->interrupts == 1 ? run_interrupt(conductor->run, clock_now_ns())
		                               : run_end_now(conductor->run, clock_now_ns());
	}
	while (r == 0 && local_agents_reap(conductor->children, &end)) {
		/* What it sent before it ended comes first. */
		r = take_messages(conductor);
		if (r == 0)
			r = run_child_exited(conductor->run, end.pid, end.text, clock_now_ns());
	}
	return r;
}

static void draw(struct conductor *conductor, uint64_t now_ns)
{
	struct roster *roster = run_roster(conductor->run);
	uint64_t t0_ns = run_t0_ns(conductor->run);

	if (!conductor->progress || now_ns < conductor->next_draw_ns || !t0_ns || now_ns < t0_ns)
		return;
	progress_draw(conductor->progress, now_ns - t0_ns, roster_count(roster) - roster_count_in(roster, AGENT_LOST),
	              roster_count(roster));
	conductor->next_draw_ns = now_ns + NS_PER_S;
}

static int timeout_ms(const struct conductor *conductor, uint64_t now_ns)
{
	uint64_t next_ns = run_next_ns(conductor->run);
	uint64_t most_ns = now_ns + NS_PER_S;

	next_ns = next_ns < most_ns ? next_ns : most_ns;
	return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int conduct(struct conductor *conductor)
{
	struct pollfd signals = {.fd = conductor->signals, .events = POLLIN};
	int r = 0;

	while (r == 0 && run_state(conductor->run) < RUN_REPORTING) {
		r = link_wait(conductor->link, &signals, 1, timeout_ms(conductor, clock_now_ns()));
		if (r == 0)
			r = take_messages(conductor);
		if (r == 0)
			r = take_signals(conductor);
		if (r == 0)
			r = run_tick(conductor->run, clock_now_ns());
		draw(conductor, clock_now_ns());
	}
	return r;
}

int conductor_run(const struct conductor_config *config, struct failure *failure, struct conductor_result *ret_result)
{
	struct conductor conductor = {.config = config, .failure = failure, .signals = -1};
	int r = open_parts(&conductor, failure);

	if (r == 0)
		r = start_agents(&conductor, failure);
	if (r == 0)
		r = conduct(&conductor);
	if (r == 0)
		r = run_reported(conductor.run, clock_now_ns());
	if (r < 0 && conductor.run)
		run_abandon(conductor.run, clock_now_ns());
	if (conductor.run) {
		if (run_stop_text(conductor.run)[0])
			log_write(config->log, LOG_INFO, "ended early: %s", run_stop_text(conductor.run));
		*ret_result = (struct conductor_result){.started = run_started(conductor.run),
		                                        .cause = run_stop_cause(conductor.run)};
		snprintf(ret_result->text, sizeof(ret_result->text), "%s", run_stop_text(conductor.run));
	}
	if (r < 0 && !failure->code)
		failure_set(failure, r, "the run can't go on: %s", strerror(-r));
	conductor_deinit(&conductor);
	return r;
}
