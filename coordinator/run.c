/* SPDX-License-Identifier: Apache-2.0 */
/* The run's state machine.
 *
 * gathering   agents say hello and are welcomed; their clocks are measured. Enough of them: the plan is divided.
 * assigned    each agent has the plan and its shares, fetches data files, opens drivers, probes targets, says ready.
 * ready       T0 is set a moment ahead and told to each agent in its own clock.
 * running     snapshots come in: taken, journaled, acknowledged, judged at the watermark.
 * draining    the schedule is over, or a stop was sent: agents finish what is in flight.
 * reporting   every agent is done or lost; the caller makes the report from the journal.
 *
 * Two invariants carry everything. A record is journaled before its effect leaves (a state, a division, T0, an
 * acknowledgement). And every message to an agent can be lost: a hello of a known agent is answered with all that it
 * must know now (catch_up), so no state waits for one delivery. */
#include "coordinator/run.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/base/units.h"
#include "coordinator/division.h"
#include "coordinator/intake.h"

enum {
	CLOCK_EXCHANGES_MIN = 5,  /* before a T0 is computed from an offset */
	CLOCK_EXCHANGES_FAST = 10, /* these are made at the fast pace */
	TEXT_SIZE = 1024,
};

#define PING_FAST_NS (20 * NS_PER_MS)
#define PING_NS NS_PER_S
#define FLUSH_NS (100 * NS_PER_MS)
#define START_LEAD_NS (400 * NS_PER_MS)    /* T0 lies this far ahead, plus ... */
#define START_LEAD_ROUNDS 4                /* ... so many times the worst clock bound */
#define STATUS_NS (10 * NS_PER_S)          /* an agent's account is journaled this often, and at its end */
#define READY_TIMEOUT_NS (120 * NS_PER_S)  /* data files, drivers, probes */
#define STOP_GRACE_NS NS_PER_S             /* for iterations in progress when a run is ended early */
#define STOP_LEAD_NS (300 * NS_PER_MS)     /* a stop lies this far ahead, so that every agent cuts its schedule at the same instant */
#define DRAIN_SLACK_NS (10 * NS_PER_S)     /* beyond what the plan allows, before an agent that isn't done is given up */
#define WATERMARK_BACK_S 5
#define BEGIN_LEAD_NS NS_PER_S             /* a startAfter scenario begins at the first whole second at least this far ahead */

struct run {
	struct run_config config;
	enum run_state state;
	struct roster *roster;
	struct intake *intake;
	struct division division;
	uint64_t *begun_ns; /* by scenario: since T0; CLOCK_NEVER until it has begun */
	uint64_t t0_ns;
	uint64_t gather_deadline_ns;
	uint64_t ready_deadline_ns;
	uint64_t drain_deadline_ns; /* CLOCK_NEVER while the schedule's end isn't known */
	uint64_t next_flush_ns;
	enum stop_cause stop_cause;
	uint64_t stop_at_ns; /* since T0 */
	char stop_text[TEXT_SIZE];
};

static int tell(struct run *run, _Bool warning, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int tell(struct run *run, _Bool warning, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return run->config.effect(run->config.context,
				  &(struct run_effect){.type = RUN_TELL, .warning = warning, .text = text});
}

static int journal(void *context, const struct journal_record *record)
{
	struct run *run = context;

	return run->config.effect(run->config.context, &(struct run_effect){.type = RUN_JOURNAL, .record = record});
}

/* The envelope is filled in here; what can't be delivered is sent again when the agent says hello. */
static void send_to(struct run *run, const struct roster_agent *agent, struct message *message)
{
	snprintf(message->run_id, sizeof(message->run_id), "%s", run->config.run_id);
	message->incarnation = agent->incarnation;
	(void)run->config.effect(run->config.context, &(struct run_effect){.type = RUN_SEND, .message = message});
}

static int64_t wall(const struct run *run, uint64_t now_ns)
{
	return (int64_t)now_ns + run->config.wall_offset_ns;
}

static int enter(struct run *run, enum run_state state, uint64_t now_ns)
{
	struct journal_record record = {.type = JOURNAL_STATE,
					.state = {.state = state, .at_unix_ns = wall(run, now_ns)}};
	int r = journal(run, &record);

	if (r == 0)
		run->state = state;
	return r;
}

static int journal_run(struct run *run)
{
	const struct plan *plan = run->config.plan;
	struct text_pair tags[LIMIT_TAGS];
	uint32_t tag_count = 0;

	for (uint32_t i = 0; i < plan->tags.count && tag_count < LIMIT_TAGS; i++)
		tags[tag_count++] = (struct text_pair){plan->tags.items[i].name, plan->tags.items[i].value};
	return journal(run, &(struct journal_record){
				    .type = JOURNAL_RUN,
				    .run = {.id = (char *)run->config.run_id,
					    .name = plan->name,
					    .version = (char *)run->config.version,
					    .plan_sha256 = (char *)plan->sha256,
					    .plan = (char *)run->config.plan_text,
					    .plan_size = run->config.plan_size,
					    .created_unix_ns = wall(run, run->config.now_ns),
					    .tags = tags,
					    .tag_count = tag_count}});
}

static int make_parts(struct run *run)
{
	uint32_t scenarios = run->config.plan->scenario_count;

	run->roster = roster_new();
	run->begun_ns = calloc(scenarios ? scenarios : 1, sizeof(*run->begun_ns));
	if (!run->roster || !run->begun_ns)
		return -ENOMEM;
	for (uint32_t i = 0; i < scenarios; i++)
		run->begun_ns[i] = run->config.plan->scenarios[i].start_after == PLAN_NONE ?
					   run->config.plan->scenarios[i].start_time_ns :
					   CLOCK_NEVER;
	return intake_new(&(struct intake_config){.plan = run->config.plan, .journal = journal, .context = run},
			  &run->intake);
}

int run_new(const struct run_config *config, struct run **ret_run)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	run->config = *config;
	run->gather_deadline_ns = config->now_ns + config->wait_ns;
	run->ready_deadline_ns = CLOCK_NEVER;
	run->drain_deadline_ns = CLOCK_NEVER;
	run->next_flush_ns = CLOCK_NEVER;
	run->stop_cause = STOP_CAUSE_COUNT;
	r = make_parts(run);
	if (r == 0)
		r = journal_run(run);
	if (r == 0)
		r = enter(run, RUN_GATHERING, config->now_ns);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

struct run *run_free(struct run *run)
{
	if (!run)
		return NULL;
	division_deinit(&run->division);
	intake_free(run->intake);
	roster_free(run->roster);
	free(run->begun_ns);
	free(run);
	return NULL;
}

/* ---- what an agent is told ---- */

static void send_assign(struct run *run, uint32_t index)
{
	const struct plan *plan = run->config.plan;
	struct roster_agent *agent = roster_get(run->roster, index);
	struct wire_file *files = calloc(plan->feed_count ? plan->feed_count : 1, sizeof(*files));
	char (*digests)[SHA256_HEX_SIZE] = calloc(plan->feed_count ? plan->feed_count : 1, sizeof(*digests));

	if (files && digests) {
		for (uint32_t i = 0; i < plan->feed_count; i++) {
			size_t size;
			const void *data = feed_data(plan->feeds[i], &size);

			hash_sha256_hex(data, size, digests[i]);
			files[i] = (struct wire_file){(char *)feed_name(plan->feeds[i]), size, digests[i]};
		}
		send_to(run, agent,
			&(struct message){.type = MESSAGE_ASSIGN,
					  .assign = {.plan = (char *)run->config.plan_text,
						     .plan_size = run->config.plan_size,
						     .agent_name = agent->name,
						     .shares = (struct share *)division_of(&run->division, index),
						     .share_count = plan->scenario_count,
						     .agent_index = index,
						     .agent_count = run->division.agent_count,
						     .files = files,
						     .file_count = plan->feed_count}});
	}
	free(files);
	free(digests);
}

static void send_start(struct run *run, struct roster_agent *agent)
{
	send_to(run, agent,
		&(struct message){.type = MESSAGE_START,
				  .start = {.t0_agent_ns = (uint64_t)((int64_t)run->t0_ns + agent->t0_offset_ns),
					    .bound_ns = agent->t0_bound_ns}});
}

static void send_begin(struct run *run, struct roster_agent *agent, uint32_t scenario)
{
	send_to(run, agent,
		&(struct message){.type = MESSAGE_BEGIN,
				  .begin = {.scenario = scenario, .at_ns = run->begun_ns[scenario]}});
}

static void send_stop(struct run *run, struct roster_agent *agent)
{
	send_to(run, agent,
		&(struct message){.type = MESSAGE_STOP,
				  .stop = {.at_ns = run->stop_at_ns,
					   .grace_ns = STOP_GRACE_NS,
					   .reason = run->stop_text}});
}

static void send_ack(struct run *run, struct roster_agent *agent)
{
	send_to(run, agent, &(struct message){.type = MESSAGE_ACK, .ack = {.seq = agent->acked_seq}});
}

static _Bool waits_for_begin(const struct run *run, uint32_t scenario)
{
	return run->config.plan->scenarios[scenario].start_after != PLAN_NONE;
}

/* All that an agent must know in the state that the run is in. */
static void catch_up(struct run *run, uint32_t index)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	send_to(run, agent,
		&(struct message){.type = MESSAGE_WELCOME,
				  .welcome = {.protocol = PROTOCOL_VERSION, .durable_seq = agent->acked_seq}});
	if (agent->state == AGENT_DONE) {
		send_ack(run, agent);
		return;
	}
	if (run->state >= RUN_ASSIGNED && index < run->division.agent_count)
		send_assign(run, index);
	if (run->t0_ns) {
		send_start(run, agent);
		for (uint32_t i = 0; i < run->config.plan->scenario_count; i++)
			if (waits_for_begin(run, i) && run->begun_ns[i] != CLOCK_NEVER)
				send_begin(run, agent, i);
	}
	if (run->stop_cause != STOP_CAUSE_COUNT)
		send_stop(run, agent);
}

/* ---- ending early ---- */

static uint64_t since_t0(const struct run *run, uint64_t now_ns)
{
	return run->t0_ns && now_ns > run->t0_ns ? now_ns - run->t0_ns : 0;
}

static int end_gathering(struct run *run, uint64_t now_ns)
{
	return enter(run, RUN_REPORTING, now_ns);
}

/* Journals the stop, tells it to every agent; the first cause stays. */
static int stop(struct run *run, enum stop_cause cause, uint32_t threshold, double observed, uint64_t now_ns,
		const char *text)
{
	struct journal_record record = {.type = JOURNAL_STOP,
					.stop = {.cause = cause,
						 .at_ns = run->t0_ns ? since_t0(run, now_ns) + STOP_LEAD_NS : 0,
						 .text = (char *)text,
						 .threshold = threshold,
						 .observed = observed}};
	int r;

	if (run->stop_cause != STOP_CAUSE_COUNT)
		return 0;
	r = journal(run, &record);
	if (r < 0)
		return r;
	run->stop_cause = cause;
	run->stop_at_ns = record.stop.at_ns;
	snprintf(run->stop_text, sizeof(run->stop_text), "%s", text);
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		send_stop(run, roster_get(run->roster, i));
	run->drain_deadline_ns = now_ns + STOP_LEAD_NS + STOP_GRACE_NS + DRAIN_SLACK_NS;
	if (run->state < RUN_RUNNING)
		return end_gathering(run, now_ns);
	return run->state == RUN_RUNNING ? enter(run, RUN_DRAINING, now_ns) : 0;
}

static int journal_status(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	const struct merge *merge = intake_merge(run->intake);
	const struct wire_scenario *scenarios = merge_scenarios(merge, index);
	struct journal_record record = {.type = JOURNAL_STATUS, .status = {.agent = index}};
	int64_t offset_ns = 0;
	uint64_t bound_ns = 0;

	if (!scenarios)
		return 0;
	(void)clock_offset_get(agent->clock, now_ns, &offset_ns, &bound_ns);
	record.status.scenarios = (struct wire_scenario *)scenarios;
	record.status.scenario_count = run->config.plan->scenario_count;
	record.status.health = *merge_health(merge, index);
	record.status.clock_offset_ns = offset_ns;
	record.status.clock_bound_ns = bound_ns;
	/* T0 was told with the offset of that moment: what we know better now is skew too. */
	record.status.start_skew_ns =
		record.status.health.start_skew_ns + (uint64_t)llabs(offset_ns - agent->t0_offset_ns);
	agent->next_status_ns = now_ns + STATUS_NS;
	return journal(run, &record);
}

static int lose(struct run *run, uint32_t index, uint64_t now_ns, const char *reason)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct journal_record record = {
		.type = JOURNAL_LOST, .lost = {.agent = index, .at_ns = since_t0(run, now_ns), .reason = (char *)reason}};
	char text[TEXT_SIZE];
	int r;

	if (agent->state == AGENT_DONE || agent->state == AGENT_LOST)
		return 0;
	r = journal_status(run, index, now_ns);
	if (r == 0)
		r = journal(run, &record);
	if (r < 0)
		return r;
	agent->state = AGENT_LOST;
	snprintf(text, sizeof(text), "agent %s is lost: %s", agent->name, reason);
	tell(run, 1, "%s", text);
	if (run->state < RUN_RUNNING)
		return stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
	if (run->state == RUN_RUNNING && run->config.plan->on_agent_loss == ON_AGENT_LOSS_FAIL)
		return stop(run, STOP_AGENTS_LOST, 0, NAN, now_ns, text);
	return 0;
}

/* ---- gathering ---- */

static int take_hello(struct run *run, struct message *message, uint64_t now_ns)
{
	uint32_t index = roster_find(run->roster, &message->incarnation);
	struct roster_agent *agent;
	struct journal_record record = {.type = JOURNAL_AGENT};
	int r;

	if (index != NAMES_NONE) {
		agent = roster_get(run->roster, index);
		if (agent->state == AGENT_LOST && run->state >= RUN_RUNNING) {
			agent->state = AGENT_RUNNING;
			tell(run, 0, "agent %s is back", agent->name);
		}
		catch_up(run, index);
		return 0;
	}
	if (message->hello.protocol != PROTOCOL_VERSION || run->state != RUN_GATHERING) {
		const char *why = run->state == RUN_GATHERING ? "it speaks another version of the protocol" :
								"the run has its agents already";

		tell(run, 1, "agent %s (%s) is turned away: %s", message->hello.name, message->hello.host, why);
		send_to(run, &(struct roster_agent){.incarnation = message->incarnation},
			&(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)why}});
		return 0;
	}
	r = roster_add(run->roster, &message->incarnation, &message->hello, &agent);
	if (r < 0)
		return r;
	record.agent.incarnation = agent->incarnation;
	record.agent.hello = agent->hello;
	record.agent.hello.name = agent->name;
	r = journal(run, &record);
	if (r < 0)
		return r;
	agent->last_heard_ns = now_ns;
	agent->next_ping_ns = now_ns;
	catch_up(run, roster_count(run->roster) - 1);
	return 0;
}

static int divide(struct run *run, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	uint32_t *weights cleanup(cleanup_free) = calloc(count, sizeof(*weights));
	struct journal_record record = {.type = JOURNAL_DIVISION};
	struct failure failure = {0};
	int r;

	if (!weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		weights[i] = roster_get(run->roster, i)->hello.weight;
	r = division_make(run->config.plan, weights, count, &failure, &run->division);
	if (r < 0)
		return stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, failure.text);
	record.division.agent_count = count;
	record.division.scenario_count = run->division.scenario_count;
	record.division.shares = run->division.shares;
	r = journal(run, &record);
	if (r == 0)
		r = enter(run, RUN_ASSIGNED, now_ns);
	if (r < 0)
		return r;
	run->ready_deadline_ns = now_ns + READY_TIMEOUT_NS;
	for (uint32_t i = 0; i < count; i++) {
		roster_get(run->roster, i)->state = AGENT_ASSIGNED;
		send_assign(run, i);
	}
	return 0;
}

static int too_few(struct run *run, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	char text[TEXT_SIZE];
	char wait[32];
	size_t at = (size_t)snprintf(text, sizeof(text), "%u of %u agents came within %s", count,
				     run->config.expect_agents,
				     units_format_duration(run->config.wait_ns, wait, sizeof(wait)));

	for (uint32_t i = 0; i < count && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s (%s)", i ? ", " : ": ",
				       roster_get(run->roster, i)->name, roster_get(run->roster, i)->hello.host);
	return stop(run, STOP_TOO_FEW_AGENTS, 0, NAN, now_ns, text);
}

static int gather(struct run *run, uint64_t now_ns)
{
	if (roster_count(run->roster) >= run->config.expect_agents)
		return divide(run, now_ns);
	return now_ns >= run->gather_deadline_ns ? too_few(run, now_ns) : 0;
}

/* ---- assigned and ready ---- */

static void answer_fetch(struct run *run, uint32_t index, const struct message_fetch *fetch)
{
	const struct plan *plan = run->config.plan;

	for (uint32_t i = 0; i < plan->feed_count; i++) {
		size_t size;
		const uint8_t *data = feed_data(plan->feeds[i], &size);

		if (strcmp(feed_name(plan->feeds[i]), fetch->name) != 0 || fetch->offset > size)
			continue;
		size_t left = size - fetch->offset;

		send_to(run, roster_get(run->roster, index),
			&(struct message){.type = MESSAGE_CHUNK,
					  .chunk = {.name = fetch->name,
						    .offset = fetch->offset,
						    .data = (uint8_t *)data + fetch->offset,
						    .size = left < LIMIT_PART_BYTES ? left : LIMIT_PART_BYTES}});
		return;
	}
}

static int journal_targets(struct run *run, struct wire_target *targets, uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = journal(run, &(struct journal_record){.type = JOURNAL_TARGET, .target = targets[i]});
	return r;
}

static int take_ready(struct run *run, uint32_t index, const struct message_ready *ready)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (agent->state != AGENT_ASSIGNED)
		return 0;
	agent->state = AGENT_READY;
	for (uint32_t i = 0; i < ready->target_count; i++)
		if (ready->targets[i].problem[0])
			tell(run, 1, "agent %s: target %s: %s", agent->name, ready->targets[i].name,
			     ready->targets[i].problem);
	return journal_targets(run, ready->targets, ready->target_count);
}

static _Bool clocks_are_known(struct run *run)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (clock_offset_count(roster_get(run->roster, i)->clock) < CLOCK_EXCHANGES_MIN)
			return 0;
	return 1;
}

/* The longest that a scenario can go on after its start, iterations in progress included. */
static uint64_t scenario_length_ns(const struct scenario *scenario)
{
	uint64_t length = scenario->duration_ns ? scenario->duration_ns : scenario->max_duration_ns;

	return length + scenario->graceful_stop_ns;
}

/* When every scenario must be over, since T0; CLOCK_NEVER while one has still to be begun. */
static uint64_t latest_end_ns(const struct run *run)
{
	uint64_t latest = 0;

	for (uint32_t i = 0; i < run->config.plan->scenario_count; i++) {
		if (run->begun_ns[i] == CLOCK_NEVER)
			return CLOCK_NEVER;
		uint64_t end = run->begun_ns[i] + scenario_length_ns(&run->config.plan->scenarios[i]);

		latest = end > latest ? end : latest;
	}
	return latest;
}

static void set_drain_deadline(struct run *run)
{
	uint64_t latest = latest_end_ns(run);

	if (latest != CLOCK_NEVER)
		run->drain_deadline_ns = run->t0_ns + latest + run->config.plan->lost_after_ns + DRAIN_SLACK_NS;
}

static int start(struct run *run, uint64_t now_ns)
{
	uint64_t worst_bound_ns = 0;
	int r = enter(run, RUN_READY, now_ns);

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		r = clock_offset_get(agent->clock, now_ns, &agent->t0_offset_ns, &agent->t0_bound_ns);
		worst_bound_ns = agent->t0_bound_ns > worst_bound_ns ? agent->t0_bound_ns : worst_bound_ns;
	}
	if (r < 0)
		return r;
	run->t0_ns = now_ns + START_LEAD_NS + START_LEAD_ROUNDS * worst_bound_ns;
	r = journal(run, &(struct journal_record){.type = JOURNAL_START, .start = {.t0_unix_ns = wall(run, run->t0_ns)}});
	if (r == 0)
		r = enter(run, RUN_RUNNING, now_ns);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		agent->state = AGENT_RUNNING;
		agent->next_status_ns = run->t0_ns + STATUS_NS;
		send_start(run, agent);
	}
	run->next_flush_ns = now_ns + FLUSH_NS;
	set_drain_deadline(run);
	return 0;
}

static int await_ready(struct run *run, uint64_t now_ns)
{
	if (roster_count_in(run->roster, AGENT_READY) == roster_count(run->roster) && clocks_are_known(run))
		return start(run, now_ns);
	if (now_ns < run->ready_deadline_ns)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state != AGENT_READY)
			return lose(run, i, now_ns, "it was not ready in time");
	return 0;
}

/* ---- running ---- */

/* An agent whose snapshots can't be taken would send the same one for ever. */
static int refuse_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, const char *why,
			   uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	char reason[TEXT_SIZE];

	snprintf(reason, sizeof(reason), "its snapshot %llu is refused: %.*s", (unsigned long long)snapshot->seq, 800, why);
	send_to(run, agent, &(struct message){.type = MESSAGE_STOP, .stop = {.reason = reason}});
	return lose(run, index, now_ns, reason);
}

static int take_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct failure failure = {0};
	int r = intake_take(run->intake, index, snapshot, &failure);

	if (r == -ENOMEM)
		return r;
	if (r == -EBADMSG)
		return refuse_snapshot(run, index, snapshot, failure.text, now_ns);
	if (snapshot->last && (r == MERGE_ACCEPTED || r == MERGE_REPEATED))
		agent->final_seq = snapshot->seq;
	if (r == MERGE_REPEATED && agent->acked_seq >= snapshot->seq)
		send_ack(run, agent);
	return 0;
}

/* The last snapshot is acknowledged with the journaled done, so that an agent which knows it can go. */
static int settle_done(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct journal_record record = {
		.type = JOURNAL_DONE, .done = {.agent = index, .last_seq = agent->last_seq, .end_ns = agent->end_ns}};
	int r = journal_status(run, index, now_ns);

	if (r == 0)
		r = journal(run, &record);
	if (r < 0)
		return r;
	agent->state = AGENT_DONE;
	agent->acked_seq = agent->last_seq;
	send_ack(run, agent);
	return 0;
}

static int acknowledge(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t durable = merge_accepted_seq(intake_merge(run->intake), index);

	if (agent->state == AGENT_DONE)
		return 0;
	if (agent->done_told && durable >= agent->last_seq)
		return settle_done(run, index, now_ns);
	if (agent->final_seq && durable >= agent->final_seq)
		durable = agent->final_seq - 1;
	if (durable > agent->acked_seq) {
		agent->acked_seq = durable;
		send_ack(run, agent);
	}
	return now_ns >= agent->next_status_ns ? journal_status(run, index, now_ns) : 0;
}

static int flush(struct run *run, uint64_t now_ns)
{
	int r = intake_flush(run->intake);

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = acknowledge(run, i, now_ns);
	run->next_flush_ns = now_ns + FLUSH_NS;
	return r;
}

/* The newest second that every live agent has reported, but at most WATERMARK_BACK_S back; -1: none yet. */
static int64_t watermark(struct run *run, uint64_t now_ns)
{
	int64_t now_s = (int64_t)(since_t0(run, now_ns) / NS_PER_S);
	int64_t mark = now_s - 1;

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		if (roster_get(run->roster, i)->state != AGENT_RUNNING)
			continue;
		int64_t second = merge_accepted_second(intake_merge(run->intake), i);

		mark = second < mark ? second : mark;
	}
	return mark < now_s - 1 - WATERMARK_BACK_S ? now_s - 1 - WATERMARK_BACK_S : mark;
}

static int judge(struct run *run, uint64_t now_ns)
{
	int64_t mark = watermark(run, now_ns);
	double observed = NAN;
	char text[TEXT_SIZE];
	int failed;

	if (mark < 0 || run->config.plan->threshold_count == 0)
		return 0;
	failed = intake_judge(run->intake, (uint64_t)mark, &observed);
	if (failed < 0)
		return failed == -ENOMEM ? -ENOMEM : 0;
	const struct threshold *threshold = &run->config.plan->thresholds[failed];

	snprintf(text, sizeof(text), "threshold '%s' on %s failed after second %lld: observed %g", threshold->text,
		 threshold->source, (long long)mark, observed);
	return stop(run, STOP_THRESHOLD, (uint32_t)failed, observed, now_ns, text);
}

/* Has every agent that still counts finished this scenario? */
static _Bool scenario_is_over(struct run *run, uint32_t scenario)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct wire_scenario *scenarios = merge_scenarios(intake_merge(run->intake), i);

		if (roster_get(run->roster, i)->state == AGENT_LOST)
			continue;
		if (!scenarios || !scenarios[scenario].finished)
			return 0;
	}
	return 1;
}

static int begin(struct run *run, uint32_t scenario, uint64_t now_ns)
{
	uint64_t at_ns = since_t0(run, now_ns) + BEGIN_LEAD_NS + run->config.plan->scenarios[scenario].start_time_ns;
	struct journal_record record = {.type = JOURNAL_BEGIN, .begin = {.scenario = scenario}};
	int r;

	record.begin.at_ns = (at_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
	r = journal(run, &record);
	if (r < 0)
		return r;
	run->begun_ns[scenario] = record.begin.at_ns;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		send_begin(run, roster_get(run->roster, i), scenario);
	set_drain_deadline(run);
	return 0;
}

static int begin_followers(struct run *run, uint64_t now_ns)
{
	const struct plan *plan = run->config.plan;
	int r = 0;

	for (uint32_t i = 0; r == 0 && run->stop_cause == STOP_CAUSE_COUNT && i < plan->scenario_count; i++) {
		uint32_t before = plan->scenarios[i].start_after;

		if (run->begun_ns[i] == CLOCK_NEVER && run->begun_ns[before] != CLOCK_NEVER &&
		    scenario_is_over(run, before))
			r = begin(run, i, now_ns);
	}
	return r;
}

static int lose_the_silent(struct run *run, uint64_t now_ns)
{
	uint64_t lost_after_ns = run->config.plan->lost_after_ns;
	char reason[96];
	char duration[32];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		if (now_ns < roster_get(run->roster, i)->last_heard_ns + lost_after_ns)
			continue;
		snprintf(reason, sizeof(reason), "nothing heard of it for %s",
			 units_format_duration(lost_after_ns, duration, sizeof(duration)));
		r = lose(run, i, now_ns, reason);
	}
	return r;
}

static int lose_the_unfinished(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = lose(run, i, now_ns, "it did not finish in time");
	return r;
}

static _Bool all_are_gone(struct run *run)
{
	return roster_count_in(run->roster, AGENT_DONE) + roster_count_in(run->roster, AGENT_LOST) ==
	       roster_count(run->roster);
}

static int run_on(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (now_ns >= run->next_flush_ns)
		r = flush(run, now_ns);
	if (r == 0 && run->state == RUN_RUNNING) {
		r = judge(run, now_ns);
		if (r == 0)
			r = begin_followers(run, now_ns);
	}
	if (r == 0)
		r = lose_the_silent(run, now_ns);
	if (r == 0 && now_ns >= run->drain_deadline_ns)
		r = lose_the_unfinished(run, now_ns);
	if (r == 0 && run->state == RUN_RUNNING && roster_count_in(run->roster, AGENT_DONE) > 0 &&
	    roster_count_in(run->roster, AGENT_RUNNING) == 0)
		r = enter(run, RUN_DRAINING, now_ns);
	if (r == 0 && all_are_gone(run)) {
		r = flush(run, now_ns);
		if (r == 0)
			r = enter(run, RUN_REPORTING, now_ns);
	}
	return r;
}

/* ---- events ---- */

static int take_done(struct run *run, uint32_t index, const struct message_done *done)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (agent->done_told)
		return 0;
	agent->done_told = 1;
	agent->last_seq = done->last_seq;
	agent->end_ns = done->end_ns;
	return journal_targets(run, done->targets, done->target_count);
}

static int take_failed(struct run *run, uint32_t index, const struct message_failed *failed, uint64_t now_ns)
{
	return lose(run, index, now_ns, failed->text);
}

static void take_pong(struct run *run, uint32_t index, const struct message_pong *pong, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t *sent_ns = &agent->ping_sent_ns[pong->id % ROSTER_PINGS];

	/* Our own memory of when it was sent counts, not what the agent echoes. */
	if (pong->id > agent->pings || pong->id + ROSTER_PINGS <= agent->pings || !*sent_ns)
		return;
	(void)clock_offset_add(agent->clock, *sent_ns, pong->agent_in_ns, pong->agent_out_ns, now_ns);
	*sent_ns = 0;
}

int run_message(struct run *run, struct message *message, uint64_t now_ns)
{
	uint32_t index = roster_find(run->roster, &message->incarnation);

	if (message->type == MESSAGE_HELLO)
		return run->state < RUN_REPORTING ? take_hello(run, message, now_ns) : 0;
	if (index == NAMES_NONE || strcmp(message->run_id, run->config.run_id) != 0 || run->state >= RUN_REPORTING)
		return 0;
	roster_get(run->roster, index)->last_heard_ns = now_ns;
	switch (message->type) {
	case MESSAGE_PONG:
		take_pong(run, index, &message->pong, now_ns);
		return 0;
	case MESSAGE_FETCH:
		answer_fetch(run, index, &message->fetch);
		return 0;
	case MESSAGE_READY:
		return take_ready(run, index, &message->ready);
	case MESSAGE_FAILED:
		return take_failed(run, index, &message->failed, now_ns);
	case MESSAGE_SNAPSHOT:
		return take_snapshot(run, index, &message->snapshot, now_ns);
	case MESSAGE_DONE:
		return take_done(run, index, &message->done);
	default:
		tell(run, 1, "agent %s sent a message of type %s, ignoring", roster_get(run->roster, index)->name,
		     message_type_names[message->type]);
		return 0;
	}
}

static void ping(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state == AGENT_DONE || now_ns < agent->next_ping_ns)
			continue;
		agent->pings++;
		agent->ping_sent_ns[agent->pings % ROSTER_PINGS] = now_ns;
		send_to(run, agent,
			&(struct message){.type = MESSAGE_PING, .ping = {.id = agent->pings, .sent_ns = now_ns}});
		agent->next_ping_ns = now_ns + (agent->pings < CLOCK_EXCHANGES_FAST ? PING_FAST_NS : PING_NS);
	}
}

int run_tick(struct run *run, uint64_t now_ns)
{
	if (run->state < RUN_REPORTING)
		ping(run, now_ns);
	switch (run->state) {
	case RUN_GATHERING:
		return gather(run, now_ns);
	case RUN_ASSIGNED: {
		int r = lose_the_silent(run, now_ns);

		return r == 0 && run->state == RUN_ASSIGNED ? await_ready(run, now_ns) : r;
	}
	case RUN_RUNNING:
	case RUN_DRAINING:
		return run_on(run, now_ns);
	default:
		return 0;
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t run_next_ns(const struct run *run)
{
	uint64_t next = earlier(run->next_flush_ns, run->drain_deadline_ns);

	if (run->state == RUN_GATHERING)
		next = earlier(next, run->gather_deadline_ns);
	if (run->state == RUN_ASSIGNED)
		next = earlier(next, run->ready_deadline_ns);
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state != AGENT_DONE)
			next = earlier(next, agent->next_ping_ns);
	}
	return next;
}

int run_interrupt(struct run *run, uint64_t now_ns)
{
	return run->state < RUN_REPORTING ? stop(run, STOP_INTERRUPTED, 0, NAN, now_ns, "interrupted by the user") : 0;
}

int run_child_exited(struct run *run, uint64_t pid, uint64_t now_ns)
{
	int r;

	if (run->state >= RUN_REPORTING)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->hello.pid == pid) {
			r = run->state >= RUN_RUNNING ? flush(run, now_ns) : 0;
			return r < 0 ? r : lose(run, i, now_ns, "its process has ended");
		}
	return run->state == RUN_GATHERING ? too_few(run, now_ns) : 0;
}

int run_end_now(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (run->state >= RUN_REPORTING)
		return 0;
	if (run->state >= RUN_RUNNING)
		r = flush(run, now_ns);
	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = journal_status(run, i, now_ns);
	return r < 0 ? r : enter(run, RUN_REPORTING, now_ns);
}

int run_reported(struct run *run, uint64_t now_ns)
{
	assert(run->state == RUN_REPORTING);
	return enter(run, RUN_DONE, now_ns);
}

enum run_state run_state(const struct run *run)
{
	return run->state;
}

_Bool run_started(const struct run *run)
{
	return run->t0_ns != 0;
}

uint64_t run_t0_ns(const struct run *run)
{
	return run->t0_ns;
}

enum stop_cause run_stop_cause(const struct run *run)
{
	return run->stop_cause;
}

const char *run_stop_text(const struct run *run)
{
	return run->stop_text;
}

struct roster *run_roster(struct run *run)
{
	return run->roster;
}
