/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of verifiers: of the records, of the coordinator's words, and of the report's ledger. */
#include <stdlib.h>
#include <string.h>

#include "common/stats/ledger_delta.h"
#include "tests/sim/broker.h"
#include "tests/sim/host.h"
#include "tests/sim/judge_state.h"

#define PATIENCE_NS (10 * NS_PER_S) /* by when all that got stuck by a disturbance should be on its way again */

static _Bool is_verifier(const struct oracle *oracle, uint32_t duty)
{
	const struct plan *plan = oracle->sim->plan->plan;

	return duty < plan->duty_count && plan->duties[duty].kind == DUTY_VERIFIER;
}

static const char *name_of(const struct oracle *oracle, uint32_t duty)
{
	return oracle->sim->plan->plan->duties[duty].name;
}

/* ---- records ---- */

void oracle_verifier_skips(struct oracle *oracle, uint32_t duty)
{
	oracle->verified[duty].skips = 1;
}

/* Who stands still is lost or not heard long before it is given up; and nobody who is done is let go before. */
static void check_problem(struct oracle *oracle, uint32_t duty, const char *problem)
{
	if (strstr(problem, "no further"))
		sim_break(oracle->sim, "%s: %s", name_of(oracle, duty), problem);
	for (uint32_t i = 0; strstr(problem, "no agent is left") && i < oracle->agent_count; i++) {
		uint32_t process = oracle->processes[i];

		if (oracle->watched[process].told && oracle->watched[process].done && !oracle->watched[process].left &&
		    !oracle->excused && !agent_was_killed(oracle->sim->agents[process]) &&
		    oracle->sim->now_ns > oracle->sim->disturbed_ns[process] + PATIENCE_NS)
			sim_break(oracle->sim, "%s: %s, and agent %u could", name_of(oracle, duty), problem, process);
	}
}

/* One moves when who has it is lost, leaves, or has gone; and all are given anew when somebody is back after the load
 * was thought to be over. */
void oracle_verifier_given(struct oracle *oracle, const struct journal_record *record)
{
	struct verified *verified = &oracle->verified[record->duty.duty];
	uint32_t process = record->duty.agent == UINT32_MAX ? UINT32_MAX : oracle->processes[record->duty.agent];
	const struct watched *before = verified->process != UINT32_MAX ? &oracle->watched[verified->process] : NULL;

	if (process == UINT32_MAX) {
		check_problem(oracle, record->duty.duty, record->duty.problem);
		verified->over = 1;
		verified->failed = record->duty.problem[0] != '\0';
		verified->process = UINT32_MAX;
		return;
	}
	if (before && !before->lost && !before->left && !before->done && !verified->skips &&
	    oracle->state != RUN_DRAINING)
		sim_break(oracle->sim, "%s is taken from agent %u, which is at it", name_of(oracle, record->duty.duty),
		          verified->process);
	verified->skips = 0;
	verified->process = process;
	verified->reader++;
	verified->seq = 0;
	verified->over = verified->failed = 0;
}

static void start_partition(struct oracle *oracle, struct verified *verified, uint32_t duty,
                            const struct wire_offset *start)
{
	if (start->partition >= BROKER_PARTITIONS || verified->begins[start->partition])
		sim_break(oracle->sim, "partition %u of %s begins twice", start->partition, name_of(oracle, duty));
	else if (start->offset != 0)
		sim_break(oracle->sim, "partition %u of %s begins at %llu", start->partition, name_of(oracle, duty),
		          (unsigned long long)start->offset);
	else
		verified->begins[start->partition] = 1;
}

static void pass_over(struct oracle *oracle, struct verified *verified, uint32_t duty, const struct seen_delta *delta)
{
	if (delta->partition >= BROKER_PARTITIONS || !verified->begins[delta->partition] ||
	    delta->offset_from != verified->positions[delta->partition] || delta->reader != verified->reader)
		sim_break(oracle->sim, "what %s saw of partition %u from %llu on doesn't follow what was seen before",
		          name_of(oracle, duty), delta->partition, (unsigned long long)delta->offset_from);
	else
		verified->positions[delta->partition] = delta->offset_to;
}

void oracle_seen(struct oracle *oracle, const struct journal_record *record)
{
	struct reader reader = {.data = record->seen.seen, .size = record->seen.seen_size};
	struct verified *verified = &oracle->verified[record->seen.duty];

	if (!is_verifier(oracle, record->seen.duty) || verified->over || record->seen.reader != verified->reader ||
	    oracle->processes[record->seen.agent] != verified->process || record->seen.seq != verified->seq + 1) {
		sim_break(oracle->sim, "report %llu of reader %llu is journaled out of its turn",
		          (unsigned long long)record->seen.seq, (unsigned long long)record->seen.reader);
		return;
	}
	verified->seq++;
	verified->begun = 1;
	for (uint32_t i = 0; i < record->seen.start_count; i++)
		start_partition(oracle, verified, record->seen.duty, &record->seen.starts[i]);
	while (reader.at < reader.size && !oracle->sim->broken[0]) {
		struct seen_delta delta;

		sim_must(seen_delta_decode(&reader, &delta), "seen");
		pass_over(oracle, verified, record->seen.duty, &delta);
		seen_delta_deinit(&delta);
	}
	verified->over = record->seen.over;
	verified->failed = record->seen.problem[0] != '\0';
}

/* Nothing is produced before all know where to begin; nothing is reported before all is read, or given up. */
void oracle_verifiers_must(struct oracle *oracle, _Bool be_over)
{
	for (uint32_t i = 0; i < oracle->sim->plan->plan->duty_count; i++)
		if (is_verifier(oracle, i) && !(be_over ? oracle->verified[i].over : oracle->verified[i].begun))
			sim_break(oracle->sim, "%s hasn't %s yet", name_of(oracle, i), be_over ? "ended" : "begun");
}

/* ---- messages ---- */

void oracle_closing(struct oracle *oracle, const struct message_duty *duty)
{
	for (uint32_t i = 0; duty->closing && i < oracle->agent_count; i++) {
		const struct watched *watched = &oracle->watched[oracle->processes[i]];

		if (watched->told && !watched->done && !watched->lost)
			sim_break(oracle->sim, "verifiers are to take the ends, and agent %u is at it",
			          oracle->processes[i]);
	}
}

void oracle_seen_ack(struct oracle *oracle, const struct message_seen_ack *ack)
{
	const struct verified *verified = &oracle->verified[ack->duty];

	if (ack->reader > verified->reader || (ack->reader == verified->reader && ack->seq > verified->seq))
		sim_break(oracle->sim, "report %llu of reader %llu is answered before it is journaled",
		          (unsigned long long)ack->seq, (unsigned long long)ack->reader);
}

/* ---- the report ---- */

static uint64_t produced(const struct sim *sim, uint32_t duty)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < BROKER_PARTITIONS; i++)
		count += broker_end(sim->broker, duty, i);
	return count;
}

/* In a broker that loses nothing and repeats nothing, none is lost or repeated, whatever became of readers. */
static void check_ledger(struct judge *judge, uint32_t duty, const struct report_ledger *ledger)
{
	const struct ledger_counts *counts = &ledger->counts;
	const struct verified *verified = &judge->oracle->verified[duty];

	if (counts->lost || counts->duplicated || counts->reordered || counts->damaged || counts->foreign)
		sim_break(judge->sim, "%s: %llu lost, %llu duplicated, %llu reordered, and the broker does none of it",
		          name_of(judge->oracle, duty), (unsigned long long)counts->lost,
		          (unsigned long long)counts->duplicated, (unsigned long long)counts->reordered);
	if (counts->seen > produced(judge->sim, duty))
		sim_break(judge->sim, "%s: %llu were seen of %llu", name_of(judge->oracle, duty),
		          (unsigned long long)counts->seen, (unsigned long long)produced(judge->sim, duty));
	if (judge->oracle->state != RUN_DONE || !verified->over || verified->failed)
		return;
	if (ledger->problem[0] || counts->unread || counts->partitions_unread ||
	    counts->seen != counts->acked + counts->unacked_visible)
		sim_break(judge->sim, "%s read all, and is said to have left %llu messages in %llu partitions: %s",
		          name_of(judge->oracle, duty), (unsigned long long)counts->unread,
		          (unsigned long long)counts->partitions_unread, ledger->problem);
}

_Bool judge_left_unread(const struct judge *judge)
{
	for (uint32_t i = 0; i < judge->sim->plan->plan->duty_count; i++)
		if (judge->oracle->verified[i].failed)
			return 1;
	return 0;
}

static _Bool is_whole(const struct oracle *oracle)
{
	for (uint32_t i = 0; i < oracle->agent_count; i++)
		if (!oracle->watched[oracle->processes[i]].done)
			return 0;
	return oracle->state == RUN_DONE;
}

void judge_ledgers(struct judge *judge, const struct report *report)
{
	const struct plan *plan = judge->sim->plan->plan;
	uint32_t next = 0;

	for (uint32_t i = 0; i < plan->duty_count; i++) {
		const struct report_ledger *ledger;

		if (!is_verifier(judge->oracle, i))
			continue;
		ledger = next < report->ledger_count ? &report->ledger[next++] : NULL;
		if (!ledger || strcmp(ledger->topic, plan->duties[i].verify.topic) != 0) {
			sim_break(judge->sim, "%s has no ledger", name_of(judge->oracle, i));
			return;
		}
		check_ledger(judge, i, ledger);
		if (is_whole(judge->oracle) && !judge->oracle->verified[i].failed &&
		    ledger->counts.seen != produced(judge->sim, i))
			sim_break(judge->sim, "everybody is done; %llu of %llu messages were seen",
			          (unsigned long long)ledger->counts.seen, (unsigned long long)produced(judge->sim, i));
	}
}
