/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that a plan's steps can produce: they are in the report with their zeros, whether anything came or not. */
#include <string.h>

#include "coordinator/replay/replay_rows_internal.h"

static int add_row(struct rows *rows, enum metric_id metric, uint32_t scenario, uint32_t step, uint32_t label)
{
	struct row *row;

	if (metric == METRIC_COUNT)
		return 0;
	return row_get(rows, (struct row_key){metric, scenario, step, ALL, label}, &row);
}

static int add_rows(struct rows *rows, const enum metric_id *list, uint32_t scenario, uint32_t step)
{
	int r = 0;

	for (; r == 0 && *list != METRIC_COUNT; list++)
		r = add_row(rows, *list, scenario, step, ALL);
	return r;
}

/* What steps have beside their metric_set; METRIC_COUNT ends a list. */
static const enum metric_id common_metrics[] = {METRIC_DATA_SENT, METRIC_DATA_RECEIVED, METRIC_COUNT};
static const enum metric_id http_metrics[] = {METRIC_HTTP_REQ_DURATION, METRIC_HTTP_REQ_CONNECTING,
                                              METRIC_HTTP_REQ_TLS_HANDSHAKING, METRIC_HTTP_REQ_WAITING, METRIC_COUNT};
static const enum metric_id sql_metrics[] = {METRIC_SQL_ROWS, METRIC_SQL_BYTES, METRIC_COUNT};
static const enum metric_id consume_metrics[] = {METRIC_KAFKA_MESSAGES_CONSUMED,   METRIC_KAFKA_END_TO_END_LATENCY,
                                                 METRIC_KAFKA_END_TO_END_NEGATIVE, METRIC_KAFKA_REBALANCES,
                                                 METRIC_KAFKA_REBALANCE_DURATION,  METRIC_COUNT};
static const enum metric_id transaction_metrics[] = {METRIC_KAFKA_TRANSACTIONS_COMMITTED,
                                                     METRIC_KAFKA_TRANSACTIONS_ABORTED,
                                                     METRIC_KAFKA_TRANSACTION_DURATION, METRIC_COUNT};
static const enum metric_id ledger_metrics[] = {METRIC_KAFKA_MESSAGES_LOST,
                                                METRIC_KAFKA_MESSAGES_DUPLICATED,
                                                METRIC_KAFKA_MESSAGES_REORDERED,
                                                METRIC_KAFKA_MESSAGES_ABORTED_VISIBLE,
                                                METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE,
                                                METRIC_COUNT};
static const enum metric_id scenario_metrics[] = {METRIC_ITERATIONS,         METRIC_DROPPED_ITERATIONS, METRIC_VUS,
                                                  METRIC_ITERATION_DURATION, METRIC_SEND_LATENESS,      METRIC_COUNT};

static int add_check_rows(struct rows *rows, const struct step *step, uint32_t scenario, uint32_t index)
{
	uint32_t label;
	int r;

	if (step->kind != STEP_HTTP || step->http.status.count == 0 || !step->http.status.name)
		return 0;
	r = names_intern(rows->texts, step->http.status.name, strlen(step->http.status.name), &label, NULL);
	return r < 0 ? r : add_row(rows, METRIC_CHECKS, scenario, index, label);
}

static int add_step_rows(struct rows *rows, const struct step *step, uint32_t scenario, uint32_t index)
{
	const struct metric_set *set = &metric_sets[step->kind];
	const enum metric_id own[] = {set->count, set->failed, set->duration, set->response_time, set->failed_duration};
	int r = 0;

	if (set->count == METRIC_COUNT)
		return 0;
	for (size_t i = 0; r == 0 && i < sizeof(own) / sizeof(own[0]); i++)
		r = add_row(rows, own[i], scenario, index, ALL);
	if (r == 0)
		r = add_rows(rows, common_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_HTTP)
		r = add_rows(rows, http_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_CONSUME)
		r = add_rows(rows, consume_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_PRODUCE &&
	    (step->produce.transactions.every_messages > 0 || step->produce.transactions.every_ns > 0))
		r = add_rows(rows, transaction_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_PRODUCE && step->produce.verify != VERIFY_NONE)
		r = add_rows(rows, ledger_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_SQL)
		r = add_rows(rows, sql_metrics, scenario, index);
	return r < 0 ? r : add_check_rows(rows, step, scenario, index);
}

static const enum metric_id kafka_readings[] = {
        METRIC_KAFKA_CONSUMER_LAG,       METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS,
        METRIC_KAFKA_OFFLINE_PARTITIONS, METRIC_KAFKA_ISR_CHANGES,
        METRIC_KAFKA_LEADER_CHANGES,     METRIC_COUNT};

/* A row of each reader, and of all. */
static int add_readings(struct rows *rows)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < rows->plan->duty_count; i++) {
		const struct duty *duty = &rows->plan->duties[i];
		uint32_t label;

		for (const enum metric_id *metric = kafka_readings; r == 0 && *metric != METRIC_COUNT; metric++)
			if (duty->kind == DUTY_READER && duty_yields(duty, *metric))
				r = add_row(rows, *metric, ALL, ALL, ALL);
		if (duty->kind != DUTY_READER || duty->task != DUTY_TASK_NULL)
			continue;
		r = names_intern(rows->texts, duty->name, strlen(duty->name), &label, NULL);
		if (r == 0)
			r = add_row(rows, METRIC_NULL_READING, ALL, ALL, label);
	}
	return r;
}

int rows_add_planned(struct rows *rows)
{
	int r = add_readings(rows);

	for (uint32_t i = 0; r == 0 && i < rows->plan->scenario_count; i++) {
		const struct scenario *scenario = &rows->plan->scenarios[i];

		r = add_rows(rows, scenario_metrics, i + 1, ALL);
		for (uint32_t k = 0; r == 0 && k < scenario->step_count; k++)
			r = add_step_rows(rows, &scenario->steps[k], i + 1, k + 1);
	}
	return r;
}
