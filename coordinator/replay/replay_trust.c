/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of trust: each names its worst case. */
#include "coordinator/replay/replay_trust.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "coordinator/report/words.h"

#define LATENESS_LIMIT_MS 10.0   /* a pacer's own jitter on a busy host stays below */
#define LATENESS_SHARE 0.05      /* of the response's p99 */
#define CPU_LIMIT 0.8            /* of an agent's cores: above, its own queueing shows in the latencies */
#define THROTTLED_LIMIT 0.01     /* of the time */
#define DROPS_LIMIT 0.001        /* of what was planned */
#define RESOURCE_LIMIT 0.8       /* of descriptors and ports */
#define START_SKEW_SLACK_MS 10.0 /* beyond the figure's own bound: as late as any other start may be */
#define STEAL_LIMIT 0.01         /* of the time of the host's processors */

#define CLOCK_BOUND_SHARE 0.1 /* of an end-to-end latency's median */

enum { CHECKS_MAX = 11 };

static int add(struct report *report, const char *check, char *value, char *limit, _Bool ok)
{
	struct report_trust *trust = &report->trust[report->trust_count];

	*trust = (struct report_trust){.check = report_copy(report, check), .value = value, .limit = limit, .ok = ok};
	if (!trust->check || !value || !limit)
		return -ENOMEM;
	report->trust_count++;
	report->trusted &= ok;
	return 0;
}

/* ---- lateness ---- */

/* The least p99 of the response times of a scenario's kinds of steps. NAN: there is none. */
static double response_p99_ms(const struct report *report, const char *scenario)
{
	double least = NAN;

	for (size_t kind = 0; kind < STEP_KIND_COUNT; kind++) {
		const struct report_row *row;

		if (metric_sets[kind].response_time == METRIC_COUNT)
			continue;
		row = report_find(report, metric_sets[kind].response_time, scenario, "", "", "");
		if (row)
			least = fmin(least, report_percentile_ms(row, 99));
	}
	return least;
}

/* Each scenario's lateness against its own responses; the worst is shown. */
static int check_lateness(const struct plan *plan, struct report *report)
{
	double worst_ms = NAN, worst_limit_ms = NAN;
	const char *name = NULL;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const char *scenario = plan->scenarios[i].name;
		const struct report_row *row = report_find(report, METRIC_SEND_LATENESS, scenario, "", "", "");
		double lateness_ms = row ? report_percentile_ms(row, 99) : NAN;
		double limit_ms = fmax(LATENESS_LIMIT_MS, LATENESS_SHARE * response_p99_ms(report, scenario));

		if (isnan(lateness_ms) || (name && lateness_ms / limit_ms <= worst_ms / worst_limit_ms))
			continue;
		name = scenario;
		worst_ms = lateness_ms;
		worst_limit_ms = limit_ms;
	}
	if (!name)
		return 0;
	return add(report, "send lateness p99", report_format_text(report, "%.3g ms (%s)", worst_ms, name),
	           report_format_text(report, "%.3g ms", worst_limit_ms), worst_ms <= worst_limit_ms);
}

/* ---- agents ---- */

/* Cores that an agent may use: its host's, or less by its cgroup's quota. */
static double cores_of(const struct message_hello *hello)
{
	double cores = hello->cores > 0 ? hello->cores : 1;

	for (uint32_t i = 0; i < hello->limit_count; i++) {
		double quota;

		if (strcmp(hello->limits[i].name, "cpu_quota") != 0)
			continue;
		quota = strtod(hello->limits[i].value, NULL);
		if (quota > 0 && quota < cores)
			cores = quota;
	}
	return cores;
}

/* A share of something that an agent has, 0..1; NAN: unknown. */
typedef double (*share_fn)(const struct facts *facts, const struct facts_agent *agent);

/* Agents on one host share its cores. */
static double cpu_share(const struct facts *facts, const struct facts_agent *agent)
{
	double used = 0;

	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *other = &facts->agents[i];

		if (other->health.wall_ns > 0 && (other == agent || strcmp(other->hello.host, agent->hello.host) == 0))
			used += (double)other->health.cpu_ns / (double)other->health.wall_ns;
	}
	return agent->health.wall_ns > 0 ? used / cores_of(&agent->hello) : NAN;
}

static double throttled_share(const struct facts *facts, const struct facts_agent *agent)
{
	(void)facts;
	return agent->health.wall_ns > 0 ? (double)agent->health.throttled_ns / (double)agent->health.wall_ns : NAN;
}

static double descriptor_share(const struct facts *facts, const struct facts_agent *agent)
{
	(void)facts;
	return agent->health.descriptor_limit > 0
	               ? (double)agent->health.descriptors / (double)agent->health.descriptor_limit
	               : NAN;
}

static double port_share(const struct facts *facts, const struct facts_agent *agent)
{
	(void)facts;
	return agent->health.port_limit > 0 ? (double)agent->health.ports / (double)agent->health.port_limit : NAN;
}

static int check_share(const struct facts *facts, struct report *report, const char *check, share_fn share,
                       double limit)
{
	const struct facts_agent *worst = NULL;
	double most = NAN;

	for (size_t i = 0; i < facts->agent_count; i++) {
		double value = share(facts, &facts->agents[i]);

		if (isnan(value) || (worst && value <= most))
			continue;
		worst = &facts->agents[i];
		most = value;
	}
	if (!worst)
		return 0;
	return add(report, check, report_format_text(report, "%.3g %% (%s)", most * 100, worst->hello.name),
	           report_format_text(report, "%g %%", limit * 100), most <= limit);
}

/* Of the time of all its host's processors. */
static double steal_share(const struct facts *facts, const struct facts_agent *agent)
{
	double wall_ns = (double)agent->health.wall_ns * (agent->hello.cores > 0 ? agent->hello.cores : 1);

	(void)facts;
	return wall_ns > 0 ? (double)agent->health.steal_ns / wall_ns : NAN;
}

/* ---- clocks ---- */

/* One that joined was not there at T0. */
static _Bool was_at_start(const struct facts *facts, size_t index)
{
	return facts->division_count > 0 && index < facts->divisions[0].agent_count && facts->agents[index].has_status;
}

static int check_start_skew(const struct facts *facts, struct report *report)
{
	const struct facts_agent *worst = NULL;
	double worst_excess_ms = NAN;

	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];
		double excess_ms = ((double)agent->start_skew_ns - (double)agent->start_bound_ns) / NS_PER_MS;

		if (!was_at_start(facts, i) || (worst && excess_ms <= worst_excess_ms))
			continue;
		worst = agent;
		worst_excess_ms = excess_ms;
	}
	if (!worst)
		return 0;
	return add(
	        report, "start skew",
	        report_format_text(report, "%.3g ms (%s)", (double)worst->start_skew_ns / NS_PER_MS, worst->hello.name),
	        report_format_text(report, "%.3g ms", (double)worst->start_bound_ns / NS_PER_MS + START_SKEW_SLACK_MS),
	        worst_excess_ms <= START_SKEW_SLACK_MS);
}

/* Against the least median of the scenarios that received messages. */
static int check_clock_bound(const struct facts *facts, struct report *report)
{
	double least_ms = NAN;

	for (uint32_t i = 0; i < facts->plan->scenario_count; i++) {
		const char *scenario = facts->plan->scenarios[i].name;
		const struct report_row *row =
		        report_find(report, METRIC_KAFKA_END_TO_END_LATENCY, scenario, "", "", "");

		if (row)
			least_ms = fmin(least_ms, report_percentile_ms(row, 50));
	}
	if (isnan(least_ms) || isnan(report->clock_bound_ms))
		return 0;
	return add(report, "clock bound", report_format_text(report, "%.3g ms", report->clock_bound_ms),
	           report_format_text(report, "%.3g ms", CLOCK_BOUND_SHARE * least_ms),
	           report->clock_bound_ms <= CLOCK_BOUND_SHARE * least_ms);
}

/* The largest step of its clock, as the coordinator saw it or the agent itself. */
static uint64_t jump_of(const struct facts_agent *agent)
{
	uint64_t seen = (uint64_t)llabs(agent->jump_ns);

	return agent->jumps > 0 && seen > agent->health.jump_ns ? seen : agent->health.jump_ns;
}

static uint64_t stall_of(const struct facts_agent *agent)
{
	return agent->health.stalled_ns;
}

/* The longest of what agents tell of themselves. */
static int check_length(const struct facts *facts, struct report *report, const char *check,
                        uint64_t (*length)(const struct facts_agent *agent), uint64_t limit_ns)
{
	const struct facts_agent *worst = NULL;
	char value[WORDS_MAX], limit[WORDS_MAX];
	uint64_t most_ns = 0;

	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];

		if (!agent->has_status || (worst && length(agent) <= most_ns))
			continue;
		worst = agent;
		most_ns = length(agent);
	}
	if (!worst)
		return 0;
	return add(
	        report, check,
	        report_format_text(report, "%s (%s)", words_duration((double)most_ns / 1e9, value), worst->hello.name),
	        report_copy(report, words_duration((double)limit_ns / 1e9, limit)), most_ns <= limit_ns);
}

static int check_drops(const struct coverage *coverage, struct report *report)
{
	const struct tally *tally = &coverage->tally;
	double share;

	if (tally->planned == 0)
		return 0;
	share = (double)(tally->dropped[DROP_LATE] + tally->dropped[DROP_QUEUE_FULL]) / (double)tally->planned;
	return add(report, "drops as late or queue_full", report_format_text(report, "%.3g %%", share * 100),
	           report_format_text(report, "%g %%", DROPS_LIMIT * 100), share <= DROPS_LIMIT);
}

int trust_make(const struct facts *facts, const struct coverage *coverage, struct report *report)
{
	int r;

	report->trusted = 1;
	report->trust = report_alloc(report, CHECKS_MAX, sizeof(*report->trust));
	if (!report->trust)
		return -ENOMEM;
	r = check_lateness(facts->plan, report);
	if (r == 0)
		r = check_share(facts, report, "agent CPU", cpu_share, CPU_LIMIT);
	if (r == 0)
		r = check_share(facts, report, "throttled by cgroup", throttled_share, THROTTLED_LIMIT);
	if (r == 0)
		r = check_drops(coverage, report);
	if (r == 0)
		r = check_share(facts, report, "descriptors in use", descriptor_share, RESOURCE_LIMIT);
	if (r == 0)
		r = check_share(facts, report, "local ports in use", port_share, RESOURCE_LIMIT);
	if (r == 0)
		r = check_share(facts, report, "stolen from the host", steal_share, STEAL_LIMIT);
	if (r == 0)
		r = check_start_skew(facts, report);
	if (r == 0)
		r = check_clock_bound(facts, report);
	if (r == 0)
		r = check_length(facts, report, "longest stall", stall_of, facts->plan->max_lateness_ns);
	return r < 0 ? r : check_length(facts, report, "clock jump", jump_of, TRUST_JUMP_LIMIT_NS);
}
