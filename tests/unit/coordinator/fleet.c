/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet of agents on paper. */
#include "fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/stats/cells.h"
#include "coordinator/run/division.h"

enum { SECONDS_MAX = 512, SCENARIOS_MAX = 8 };

/* A snapshot on its way, with what it points to. */
struct parcel {
	struct message_snapshot snapshot;
	struct buffer bytes, ledger;
};

struct paper_agent {
	struct series_table *series;
	uint32_t named; /* series that have been told */
	struct cells *cells;
	struct wire_scenario scenarios[SCENARIOS_MAX];
	struct wire_health health;
	struct buffer ledger;
	uint64_t seq, second;
	uint32_t epoch;
	struct parcel parcels[SECONDS_MAX];
	uint32_t made, delivered;
	_Bool gone; /* done or lost */
};

struct fleet {
	char folder[64];
	struct plan *plan;
	struct journal *journal;
	struct intake *intake;
	struct paper_agent *agents;
	uint32_t count;
};

static void parse(struct fleet *fleet, const char *text)
{
	struct failures failures = {0};
	int r = plan_parse(text, strlen(text), NULL, 0, &failures, &fleet->plan);

	if (r < 0)
		fail_msg("line %d: %s", failures.items[0].line, failures.items[0].text);
	failures_deinit(&failures);
	assert_in_range(fleet->plan->scenario_count, 1, SCENARIOS_MAX);
}

void fleet_journal(struct fleet *fleet, const struct journal_record *record)
{
	assert_int_equal(journal_append(fleet->journal, record, NULL), 0);
}

static void enter(struct fleet *fleet, enum run_state state)
{
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_STATE, .state = {.state = state}});
}

static void journal_agent(struct fleet *fleet, uint32_t index)
{
	char name[32];
	struct journal_record record = {.type = JOURNAL_AGENT};

	snprintf(name, sizeof(name), "agent-%u", index + 1);
	record.agent.incarnation.bytes[0] = (uint8_t)(index + 1);
	record.agent.hello = (struct message_hello){.protocol = 1,
	                                            .version = (char *)"0",
	                                            .name = name,
	                                            .host = name,
	                                            .cpu = (char *)"paper",
	                                            .kernel = (char *)"none",
	                                            .cores = 4,
	                                            .workers = 1,
	                                            .weight = 1};
	fleet_journal(fleet, &record);
}

static void journal_division(struct fleet *fleet)
{
	struct member *members = calloc(fleet->count, sizeof(*members));
	struct division division;

	for (uint32_t i = 0; i < fleet->count; i++)
		members[i] = (struct member){.weight = 1};
	assert_int_equal(division_make(fleet->plan, members, fleet->count, NULL, &division), 0);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DIVISION,
	                                              .division = {.epoch = division.epoch,
	                                                           .agent_count = fleet->count,
	                                                           .scenario_count = division.scenario_count,
	                                                           .shares = division.shares,
	                                                           .target_count = division.target_count,
	                                                           .connections = division.connections}});
	division_deinit(&division);
	free(members);
}

static void begin(struct fleet *fleet, const char *plan)
{
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_RUN,
	                                              .run = {.id = (char *)"00000000-0000-4000-8000-000000000000",
	                                                      .name = fleet->plan->name,
	                                                      .version = (char *)"0.1.0",
	                                                      .plan_sha256 = (char *)"00",
	                                                      .plan = (char *)plan,
	                                                      .plan_size = strlen(plan),
	                                                      .created_unix_ns = 1700000000000000000}});
	enter(fleet, RUN_GATHERING);
	for (uint32_t i = 0; i < fleet->count; i++)
		journal_agent(fleet, i);
	journal_division(fleet);
	enter(fleet, RUN_ASSIGNED);
	enter(fleet, RUN_READY);
	fleet_journal(fleet,
	              &(struct journal_record){.type = JOURNAL_START, .start = {.t0_unix_ns = 1700000000123456789}});
	enter(fleet, RUN_RUNNING);
}

static int append(void *context, const struct journal_record *record)
{
	return journal_append(context, record, NULL);
}

struct fleet *fleet_open(const struct fleet_config *config)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	snprintf(fleet->folder, sizeof(fleet->folder), "/tmp/test-fleet-XXXXXX");
	assert_non_null(mkdtemp(fleet->folder));
	parse(fleet, config->plan);
	fleet->count = config->agents;
	fleet->agents = calloc(fleet->count, sizeof(*fleet->agents));
	for (uint32_t i = 0; i < fleet->count; i++) {
		fleet->agents[i].series = series_table_new();
		fleet->agents[i].cells = cells_new();
		fleet->agents[i].epoch = 1;
	}
	assert_int_equal(journal_create(fleet->folder, 0, NULL, &fleet->journal), 0);
	assert_int_equal(intake_new(&(struct intake_config){.plan = fleet->plan,
	                                                    .journal = append,
	                                                    .context = fleet->journal,
	                                                    .skip = config->skip,
	                                                    .skip_context = config->context},
	                            &fleet->intake),
	                 0);
	begin(fleet, config->plan);
	return fleet;
}

static void parcel_deinit(struct parcel *parcel)
{
	free(parcel->snapshot.series);
	free(parcel->snapshot.cells);
	free(parcel->snapshot.scenarios);
	buffer_deinit(&parcel->bytes);
	buffer_deinit(&parcel->ledger);
}

void fleet_close(struct fleet *fleet)
{
	char path[128];

	journal_close(fleet->journal);
	snprintf(path, sizeof(path), "%s/journal", fleet->folder);
	unlink(path);
	rmdir(fleet->folder);
	for (uint32_t i = 0; i < fleet->count; i++) {
		for (uint32_t k = 0; k < fleet->agents[i].made; k++)
			parcel_deinit(&fleet->agents[i].parcels[k]);
		series_table_free(fleet->agents[i].series);
		cells_free(fleet->agents[i].cells);
		buffer_deinit(&fleet->agents[i].ledger);
	}
	free(fleet->agents);
	intake_free(fleet->intake);
	plan_free(fleet->plan);
	free(fleet);
}

const struct plan *fleet_plan(const struct fleet *fleet)
{
	return fleet->plan;
}

const char *fleet_folder(const struct fleet *fleet)
{
	return fleet->folder;
}

/* ---- measuring ---- */

void fleet_value(struct fleet *fleet, uint32_t agent, const struct series *series, uint64_t value)
{
	enum metric_kind kind = metrics[series->metric].kind;
	struct cell *cell;
	uint32_t id;

	assert_int_equal(series_table_intern(fleet->agents[agent].series, series, &id, NULL), 0);
	cell = cells_get(fleet->agents[agent].cells, id, kind);
	assert_non_null(cell);
	switch (kind) {
	case METRIC_COUNTER:
		cell->counter += value;
		break;
	case METRIC_RATE:
		cell->rate.hits += value != 0;
		cell->rate.total++;
		break;
	case METRIC_GAUGE:
		cell->gauge = (struct gauge){(double)value, (double)value, (double)value, (double)value, 1};
		break;
	case METRIC_LATENCY:
		assert_int_equal(cell_record_latency(cell, &fleet->plan->edges, value), 0);
		break;
	}
}

static uint32_t scenario_of(const struct fleet *fleet, const char *name)
{
	uint32_t scenario = plan_find_scenario(fleet->plan, name);

	assert_true(scenario != PLAN_NONE);
	return scenario;
}

void fleet_operate(struct fleet *fleet, uint32_t agent, const struct fleet_operation *operation)
{
	struct series series = {.warmup = operation->warmup,
	                        .scenario = operation->scenario,
	                        .step = operation->step,
	                        .group = operation->group ? operation->group : "",
	                        .label = ""};
	struct tally *tally = &fleet->agents[agent].scenarios[scenario_of(fleet, operation->scenario)].tally;
	static const enum metric_id latencies[2][3] = {
	        {METRIC_NULL_OPERATION_DURATION, METRIC_NULL_OPERATION_RESPONSE_TIME, METRIC_COUNT},
	        {METRIC_NULL_OPERATION_FAILED_DURATION, METRIC_COUNT, METRIC_COUNT},
	};

	series.metric = METRIC_NULL_OPERATIONS;
	fleet_value(fleet, agent, &series, 1);
	series.metric = METRIC_NULL_OPERATION_FAILED;
	fleet_value(fleet, agent, &series, operation->failed);
	for (size_t i = 0; latencies[operation->failed][i] != METRIC_COUNT; i++) {
		series.metric = latencies[operation->failed][i];
		fleet_value(fleet, agent, &series, i == 0 ? operation->duration_us : operation->response_us);
	}
	tally->operations++;
	tally->failed_operations += operation->failed;
}

void fleet_iterate(struct fleet *fleet, uint32_t agent, const char *scenario, _Bool warmup, _Bool failed)
{
	struct tally *tally = &fleet->agents[agent].scenarios[scenario_of(fleet, scenario)].tally;
	struct series series = {METRIC_ITERATIONS, warmup, scenario, "", "", ""};

	fleet_value(fleet, agent, &series, 1);
	tally->planned++;
	tally->started++;
	tally->succeeded += !failed;
	tally->failed += failed;
}

void fleet_drop(struct fleet *fleet, uint32_t agent, const char *scenario, enum drop_reason reason)
{
	struct tally *tally = &fleet->agents[agent].scenarios[scenario_of(fleet, scenario)].tally;
	struct series series = {METRIC_DROPPED_ITERATIONS, 0, scenario, "", "", drop_reason_names[reason]};

	fleet_value(fleet, agent, &series, 1);
	tally->planned++;
	tally->dropped[reason]++;
}

struct wire_scenario *fleet_account(struct fleet *fleet, uint32_t agent, uint32_t scenario)
{
	return &fleet->agents[agent].scenarios[scenario];
}

struct wire_health *fleet_health(struct fleet *fleet, uint32_t agent)
{
	return &fleet->agents[agent].health;
}

struct buffer *fleet_ledger(struct fleet *fleet, uint32_t agent)
{
	return &fleet->agents[agent].ledger;
}

/* ---- snapshots ---- */

static int compare_cells(const void *left, const void *right)
{
	const struct wire_cell *a = left, *b = right;

	return a->series_id < b->series_id ? -1 : a->series_id > b->series_id;
}

static void pack_cells(const struct paper_agent *agent, struct parcel *parcel)
{
	struct message_snapshot *snapshot = &parcel->snapshot;
	size_t *offsets;

	snapshot->cell_count = cells_count(agent->cells);
	snapshot->cells = calloc(snapshot->cell_count + 1, sizeof(*snapshot->cells));
	offsets = calloc(snapshot->cell_count + 1, sizeof(*offsets));
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		offsets[i] = parcel->bytes.size;
		cell_encode(cells_at(agent->cells, i), &parcel->bytes);
		snapshot->cells[i].series_id = cells_id(agent->cells, i);
		snapshot->cells[i].size = parcel->bytes.size - offsets[i];
	}
	for (uint32_t i = 0; i < snapshot->cell_count; i++)
		snapshot->cells[i].data = parcel->bytes.data + offsets[i];
	free(offsets);
	if (snapshot->cell_count > 0)
		qsort(snapshot->cells, snapshot->cell_count, sizeof(*snapshot->cells), compare_cells);
}

static void pack_series(struct paper_agent *agent, struct parcel *parcel)
{
	uint32_t count = series_table_count(agent->series) - agent->named;

	parcel->snapshot.series = calloc(count + 1, sizeof(*parcel->snapshot.series));
	parcel->snapshot.series_count = count;
	for (uint32_t i = 0; i < count; i++) {
		parcel->snapshot.series[i].id = agent->named;
		parcel->snapshot.series[i].series = *series_table_get(agent->series, agent->named++);
	}
}

void fleet_tick(struct fleet *fleet, uint32_t index)
{
	struct paper_agent *agent = &fleet->agents[index];
	struct parcel *parcel = &agent->parcels[agent->made++];
	uint32_t scenarios = fleet->plan->scenario_count;

	assert_true(agent->made <= SECONDS_MAX);
	pack_series(agent, parcel);
	pack_cells(agent, parcel);
	parcel->snapshot.seq = ++agent->seq;
	parcel->snapshot.second = agent->second++;
	parcel->snapshot.epoch = agent->epoch;
	parcel->snapshot.scenarios = calloc(scenarios, sizeof(*parcel->snapshot.scenarios));
	memcpy(parcel->snapshot.scenarios, agent->scenarios, scenarios * sizeof(*parcel->snapshot.scenarios));
	parcel->snapshot.scenario_count = scenarios;
	parcel->snapshot.health = agent->health;
	parcel->ledger = agent->ledger;
	agent->ledger = (struct buffer){0};
	parcel->snapshot.ledger = parcel->ledger.data;
	parcel->snapshot.ledger_size = parcel->ledger.size;
	cells_clear(agent->cells);
}

void fleet_set_epoch(struct fleet *fleet, uint32_t agent, uint32_t epoch)
{
	fleet->agents[agent].epoch = epoch;
}

void fleet_skip_seconds(struct fleet *fleet, uint32_t agent, uint64_t seconds)
{
	fleet->agents[agent].second += seconds;
}

const struct message_snapshot *fleet_snapshot(const struct fleet *fleet, uint32_t agent, uint64_t seq)
{
	return seq > 0 && seq <= fleet->agents[agent].made ? &fleet->agents[agent].parcels[seq - 1].snapshot : NULL;
}

_Bool fleet_deliver(struct fleet *fleet, uint32_t index)
{
	struct paper_agent *agent = &fleet->agents[index];
	struct failure failure = {0};
	int r;

	if (agent->delivered == agent->made)
		return 0;
	r = intake_take(fleet->intake, index, &agent->parcels[agent->delivered].snapshot, &failure);
	if (r != MERGE_ACCEPTED)
		fail_msg("%d: %s", r, failure.text);
	agent->delivered++;
	return 1;
}

void fleet_flush(struct fleet *fleet)
{
	assert_int_equal(intake_flush(fleet->intake), 0);
}

void fleet_second(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->count; i++) {
		if (fleet->agents[i].gone)
			continue;
		fleet_tick(fleet, i);
		while (fleet_deliver(fleet, i))
			;
	}
	fleet_flush(fleet);
}

/* ---- the end ---- */

static void journal_status(struct fleet *fleet, uint32_t agent)
{
	const struct wire_scenario *scenarios = merge_scenarios(intake_merge(fleet->intake), agent);

	if (!scenarios)
		return;
	fleet_journal(fleet,
	              &(struct journal_record){.type = JOURNAL_STATUS,
	                                       .status = {.agent = agent,
	                                                  .scenarios = (struct wire_scenario *)scenarios,
	                                                  .scenario_count = fleet->plan->scenario_count,
	                                                  .health = *merge_health(intake_merge(fleet->intake), agent),
	                                                  .clock_bound_ns = 1000,
	                                                  .start_bound_ns = 1000}});
}

void fleet_done(struct fleet *fleet, uint32_t agent, uint64_t end_ns)
{
	while (fleet_deliver(fleet, agent))
		;
	fleet_flush(fleet);
	journal_status(fleet, agent);
	fleet_journal(fleet, &(struct journal_record){
	                             .type = JOURNAL_DONE,
	                             .done = {.agent = agent, .last_seq = fleet->agents[agent].seq, .end_ns = end_ns}});
	fleet->agents[agent].gone = 1;
}

void fleet_lose(struct fleet *fleet, uint32_t agent, uint64_t at_ns)
{
	fleet_flush(fleet);
	journal_status(fleet, agent);
	fleet_journal(fleet, &(struct journal_record){
	                             .type = JOURNAL_LOST,
	                             .lost = {.agent = agent, .at_ns = at_ns, .reason = (char *)"it went silent"}});
	fleet->agents[agent].gone = 1;
}

void fleet_stop(struct fleet *fleet, enum stop_cause cause, uint64_t at_ns)
{
	fleet_journal(fleet, &(struct journal_record){
	                             .type = JOURNAL_STOP,
	                             .stop = {.cause = cause, .at_ns = at_ns, .text = (char *)"a test wanted it"}});
}

struct report *fleet_finish(struct fleet *fleet, uint64_t end_ns)
{
	for (uint32_t i = 0; i < fleet->count; i++)
		if (!fleet->agents[i].gone)
			fleet_done(fleet, i, end_ns);
	enter(fleet, RUN_DRAINING);
	enter(fleet, RUN_REPORTING);
	return fleet_report(fleet);
}

struct report *fleet_report(struct fleet *fleet)
{
	struct failure failure = {0};
	struct report *report = NULL;
	int r = replay_report(fleet->folder, &failure, &report);

	if (r < 0)
		fail_msg("%d: %s", r, failure.text);
	return report;
}

const struct report_row *fleet_row(const struct report *report, enum metric_id metric, const char *scenario,
                                   const char *step, const char *group, const char *label)
{
	const struct report_row *row = report_find(report, metric, scenario, step, group, label);

	if (!row)
		fail_msg("no row %s{%s,%s,%s,%s}", metrics[metric].name, scenario, step, group, label);
	return row;
}
