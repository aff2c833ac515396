/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for the run's state machine. */
#include "theatre.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/journal/journal_codec.h"
#include "coordinator/run/run_restore.h"

static const char run_id[] = "11111111-2222-4333-8444-555555555555";

static void keep_assign(struct theatre *stage, const struct message *message)
{
	const struct message_assign *assign = &message->assign;
	struct assigned *assigned = &stage->assigned[message->incarnation.bytes[0]];

	*assigned = (struct assigned){.epoch = message->epoch,
	                              .from_ns = assign->from_ns,
	                              .with_plan = assign->plan_size > 0,
	                              .moves = assign->move_count,
	                              .extra_count = assign->extra_count};
	for (uint32_t i = 0; i < assign->share_count; i++)
		assigned->owned[i] = share_count(&assign->shares[i], THEATRE_INDICES);
	for (uint32_t i = 0; i < assign->connection_count && i < THEATRE_SCENARIOS; i++)
		assigned->connections[i] = assign->connections[i];
	for (uint32_t i = 0; i < assign->extra_count && i < 8; i++)
		assigned->extras[i] = assign->extras[i];
}

static void keep_verifiers(struct theatre *stage, uint8_t agent, const struct message_duty *duty)
{
	uint32_t first = stage->plan->duty_count - stage->verifiers;

	stage->closing[agent] = duty->closing;
	memset(stage->verifying[agent], 0, sizeof(stage->verifying[agent]));
	for (uint32_t i = 0; i < duty->verifier_count; i++) {
		const struct wire_verifier *from = &duty->verifiers[i];
		struct verifying *to = &stage->verifying[agent][from->duty - first];

		to->reader = from->reader;
		to->resumes = from->resumes;
		to->position_count = from->position_count;
		assert_true(from->position_count <= 4);
		for (uint32_t j = 0; j < from->position_count; j++)
			to->positions[j] = from->positions[j];
	}
}

static uint64_t keep_message(struct theatre *stage, const struct message *message)
{
	uint8_t agent = message->incarnation.bytes[0];

	assert_true(agent <= THEATRE_AGENTS);
	switch (message->type) {
	case MESSAGE_ACK:
		return message->ack.seq;
	case MESSAGE_BEGIN:
		return message->begin.at_ns;
	case MESSAGE_START:
		stage->values[agent] = message->start.value_count;
		return message->start.t0_agent_ns;
	case MESSAGE_STOP:
		snprintf(stage->stop_reason, sizeof(stage->stop_reason), "%s", message->stop.reason);
		return message->stop.at_ns;
	case MESSAGE_ASSIGN:
		keep_assign(stage, message);
		return 0;
	case MESSAGE_DUTY:
		keep_verifiers(stage, agent, &message->duty);
		stage->duties[agent] = 0;
		for (uint32_t i = 0; i < message->duty.duty_count; i++)
			stage->duties[agent] |= 1U << message->duty.duties[i];
		return 0;
	case MESSAGE_VALUE:
		stage->values[agent] = message->value.value_count;
		return 0;
	case MESSAGE_SEEN_ACK:
		return message->seen_ack.seq;
	case MESSAGE_PING:
		return message->ping.t0_agent_ns;
	default:
		return 0;
	}
}

static uint64_t number_of(const struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_STATE:
		return record->state.state;
	case JOURNAL_STOP:
		return record->stop.cause;
	case JOURNAL_SEEN:
		return record->seen.seq;
	default:
		return 0;
	}
}

static void keep_record(struct theatre *stage, const struct journal_record *record)
{
	struct buffer bytes = {0};

	journal_record_encode(record, &bytes);
	buffer_append_varint(&stage->journal, bytes.size);
	buffer_append(&stage->journal, bytes.data, bytes.size);
	assert_int_equal(stage->journal.failed, 0);
	buffer_deinit(&bytes);
}

static int take(void *context, const struct run_effect *effect)
{
	struct theatre *stage = context;
	struct left *left = &stage->left[stage->count++];
	int length;

	assert_true(stage->count < THEATRE_EFFECTS);
	left->type = effect->type;
	switch (effect->type) {
	case RUN_TELL:
		length = snprintf(stage->told + stage->told_size, sizeof(stage->told) - stage->told_size, "%s\n",
		                  effect->text);
		stage->told_size += (size_t)length;
		assert_true(stage->told_size < sizeof(stage->told));
		return 0;
	case RUN_SEND:
		left->what = (int)effect->message->type;
		left->agent = effect->message->incarnation.bytes[0];
		left->number = keep_message(stage, effect->message);
		return 0;
	case RUN_JOURNAL:
		left->what = (int)effect->record->type;
		left->number = number_of(effect->record);
		if (!stage->journal_error)
			keep_record(stage, effect->record);
		return stage->journal_error;
	}
	return 0;
}

size_t theatre_count(const struct theatre *stage, size_t from, enum run_effect_type type, int what, size_t *ret_at)
{
	size_t count = 0;

	if (ret_at)
		*ret_at = 0;
	for (size_t i = from; i < stage->count; i++)
		if (stage->left[i].type == type && stage->left[i].what == what) {
			count++;
			if (ret_at)
				*ret_at = i;
		}
	return count;
}

size_t theatre_count_to(const struct theatre *stage, size_t from, enum message_type what, uint32_t agent)
{
	size_t count = 0;

	for (size_t i = from; i < stage->count; i++)
		count += stage->left[i].type == RUN_SEND && stage->left[i].what == (int)what &&
		         stage->left[i].agent == agent;
	return count;
}

static void add_verifier(struct plan *plan, uint32_t number)
{
	struct duty *duties = realloc(plan->duties, (plan->duty_count + 1) * sizeof(*duties));
	char name[32];

	assert_non_null(duties);
	snprintf(name, sizeof(name), "verify t%u", number);
	plan->duties = duties;
	plan->duties[plan->duty_count++] = (struct duty){.name = strdup(name),
	                                                 .kind = DUTY_VERIFIER,
	                                                 .task = DUTY_TASK_VERIFY,
	                                                 .implied = 1,
	                                                 .target = PLAN_NONE,
	                                                 .verify = {.topic = strdup(name + 7), .during = 1}};
}

void theatre_open(struct theatre *stage, const char *yaml, uint32_t agents)
{
	struct failures failures = {0};

	stage->now_ns = 1000 * NS_PER_S;
	if (plan_parse(yaml, strlen(yaml), NULL, 0, &failures, &stage->plan) != 0)
		fail_msg("%s", failures.count ? failures.items[0].text : "?");
	failures_deinit(&failures);
	assert_true(stage->plan->scenario_count <= THEATRE_SCENARIOS);
	for (uint32_t i = 0; i < stage->verifiers; i++)
		add_verifier(stage->plan, i);
	stage->config = (struct run_config){.plan = stage->plan,
	                                    .plan_text = yaml,
	                                    .plan_size = strlen(yaml),
	                                    .run_id = run_id,
	                                    .version = "1",
	                                    .boot_id = "boot",
	                                    .expect_agents = agents,
	                                    .wait_ns = 10 * NS_PER_S,
	                                    .closed_or_loopback = !stage->open_link,
	                                    .now_ns = stage->now_ns,
	                                    .effect = take,
	                                    .context = stage};
	assert_int_equal(run_new(&stage->config, &stage->run), 0);
}

void theatre_resume(struct theatre *stage)
{
	struct reader reader = {.data = stage->journal.data, .size = stage->journal.size};
	struct buffer before = stage->journal;

	stage->journal = (struct buffer){0};
	run_free(stage->run);
	assert_int_equal(run_restore_new(&stage->config, &stage->run), 0);
	while (reader.at < reader.size) {
		struct journal_record record = {0};
		size_t size;
		const char *bytes = reader_string(&reader, &size);

		assert_int_equal(journal_record_decode((const uint8_t *)bytes, size, &record), 0);
		keep_record(stage, &record);
		assert_int_equal(run_restore_record(stage->run, &record), 0);
		journal_record_deinit(&record);
	}
	buffer_deinit(&before);
	assert_int_equal(run_resume(stage->run, stage->now_ns, 0), 0);
}

void theatre_close(struct theatre *stage)
{
	run_free(stage->run);
	plan_free(stage->plan);
	buffer_deinit(&stage->journal);
}

int theatre_say(struct theatre *stage, uint8_t agent, struct message *message)
{
	message->incarnation = (struct incarnation){{agent}};
	snprintf(message->run_id, sizeof(message->run_id), "%s", run_id);
	int r = run_message(stage->run, message, stage->now_ns);

	if (message->type == MESSAGE_HELLO || message->type == MESSAGE_VALUE)
		message_deinit(message);
	return r;
}

void theatre_hello(struct theatre *stage, uint8_t agent)
{
	char name[16];

	snprintf(name, sizeof(name), "agent-%u", agent);
	struct message message = {.type = MESSAGE_HELLO,
	                          .hello = {.protocol = PROTOCOL_VERSION,
	                                    .version = strdup("1"),
	                                    .name = strdup(name),
	                                    .host = strdup("host"),
	                                    .cpu = strdup(""),
	                                    .kernel = strdup(""),
	                                    .cores = 1,
	                                    .workers = 1,
	                                    .weight = stage->weight[agent] ? stage->weight[agent] : 1,
	                                    .pid = 100 + agent}};

	if (stage->zone[agent]) {
		message.hello.tags = calloc(1, sizeof(*message.hello.tags));
		assert_non_null(message.hello.tags);
		message.hello.tags[0] = (struct text_pair){strdup("zone"), strdup(stage->zone[agent])};
		message.hello.tag_count = 1;
	}
	assert_int_equal(theatre_say(stage, agent, &message), 0);
}

void theatre_tick(struct theatre *stage, uint64_t later_ns)
{
	stage->now_ns += later_ns;
	assert_int_equal(run_tick(stage->run, stage->now_ns), 0);
}

void theatre_pong(struct theatre *stage, uint8_t number, uint64_t offset_ns)
{
	const struct roster_agent *agent = roster_get(
	        run_roster(stage->run), roster_find(run_roster(stage->run), &(struct incarnation){{number}}));
	struct message message = {.type = MESSAGE_PONG,
	                          .pong = {.id = agent->pings,
	                                   .sent_ns = agent->ping_sent_ns[agent->pings % ROSTER_PINGS],
	                                   .agent_in_ns = stage->now_ns + NS_PER_MS / 2 + offset_ns,
	                                   .agent_out_ns = stage->now_ns + NS_PER_MS / 2 + offset_ns}};

	stage->now_ns += NS_PER_MS;
	assert_int_equal(theatre_say(stage, number, &message), 0);
}

void theatre_come(struct theatre *stage, uint8_t agent, uint64_t offset_ns)
{
	theatre_hello(stage, agent);
	theatre_tick(stage, 0);
	theatre_pong(stage, agent, offset_ns);
}

void theatre_ready(struct theatre *stage, uint8_t agent)
{
	assert_int_equal(theatre_say(stage, agent, &(struct message){.type = MESSAGE_READY}), 0);
}

void theatre_leave(struct theatre *stage, uint8_t agent)
{
	struct message message = {.type = MESSAGE_LEAVE, .leave = {.end_ns = 1}};

	assert_int_equal(theatre_say(stage, agent, &message), 0);
}

void theatre_snapshot(struct theatre *stage, uint8_t agent, uint64_t seq, _Bool finished, _Bool last)
{
	struct wire_scenario scenarios[THEATRE_SCENARIOS];

	memcpy(scenarios, stage->accounts[agent], sizeof(scenarios));
	for (int i = 0; i < THEATRE_SCENARIOS; i++)
		scenarios[i].finished |= finished;
	stage->seqs[agent] = seq;
	assert_int_equal(theatre_say(stage, agent,
	                             &(struct message){.type = MESSAGE_SNAPSHOT,
	                                               .snapshot = {.seq = seq,
	                                                            .second = seq - 1,
	                                                            .epoch = stage->epochs[agent],
	                                                            .scenarios = scenarios,
	                                                            .scenario_count = stage->plan->scenario_count,
	                                                            .last = last}}),
	                 0);
}

void theatre_done(struct theatre *stage, uint8_t agent, uint64_t last_seq)
{
	assert_int_equal(
	        theatre_say(stage, agent,
	                    &(struct message){.type = MESSAGE_DONE, .done = {.last_seq = last_seq, .end_ns = 1}}),
	        0);
}

void theatre_gather(struct theatre *stage, uint32_t agents)
{
	for (uint8_t i = 1; i <= agents; i++)
		theatre_hello(stage, i);
	for (int exchange = 0; exchange < 6; exchange++) {
		theatre_tick(stage, 20 * NS_PER_MS);
		for (uint8_t i = 1; i <= agents; i++)
			theatre_pong(stage, i, i * 3600 * NS_PER_S);
	}
	for (uint8_t i = 1; i <= agents; i++)
		theatre_ready(stage, i);
	theatre_tick(stage, NS_PER_MS);
}

void theatre_start(struct theatre *stage, uint32_t agents)
{
	theatre_gather(stage, agents);
	assert_int_equal(run_state(stage->run), RUN_RUNNING);
}

void theatre_second(struct theatre *stage, uint32_t agents)
{
	theatre_tick(stage, NS_PER_S);
	for (uint8_t i = 1; i <= THEATRE_AGENTS; i++) {
		if (!(agents >> i & 1))
			continue;
		theatre_pong(stage, i, i * 3600 * NS_PER_S);
		theatre_snapshot(stage, i, stage->seqs[i] + 1, 0, 0);
	}
}

void theatre_finish(struct theatre *stage, uint8_t agent)
{
	theatre_snapshot(stage, agent, stage->seqs[agent] + 1, 1, 1);
	theatre_done(stage, agent, stage->seqs[agent]);
}

void theatre_join(struct theatre *stage, uint8_t agent)
{
	theatre_hello(stage, agent);
	for (int exchange = 0; exchange < 6; exchange++) {
		theatre_tick(stage, 20 * NS_PER_MS);
		theatre_pong(stage, agent, agent * 3600 * NS_PER_S);
	}
	theatre_ready(stage, agent);
	theatre_tick(stage, NS_PER_MS);
}
