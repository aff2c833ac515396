/* SPDX-License-Identifier: Apache-2.0 */
/* From a journal to the report model.
 *
 * The first pass over the file takes in all but the values and notes where each second's values lie, for a second may
 * be amended by later records. The second pass goes from second to second, adds up all that the file has of one, and
 * folds it into the rows: so memory grows with the rows, not with the run, and nothing hangs on the order in which
 * agents' snapshots came. */
#include "coordinator/replay/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "coordinator/run/outcomes.h"
#include "coordinator/replay/replay_degraded.h"
#include "coordinator/replay/replay_fill.h"
#include "coordinator/replay/replay_ledger.h"
#include "coordinator/replay/replay_rows.h"
#include "coordinator/replay/replay_trust.h"

enum { KINDS = METRIC_LATENCY + 1 };

DEFINE_CLEANUP(struct report *, report_free)

/* What the second pass fills. */
struct replay {
	const struct facts *facts;
	const struct span *span;
	struct journal_reader *reader;
	struct report *report;
	struct rows *rows;
	struct errors *errors;
	struct verdict *verdict;
	struct cell scratch[KINDS];   /* by kind */
	struct journal_record record; /* the one at record_offset; type 0: none */
	uint64_t record_offset;
	struct failure *failure;
};

static void replay_deinit(struct replay *replay)
{
	for (size_t i = 0; i < KINDS; i++)
		cell_deinit(&replay->scratch[i]);
	journal_record_deinit(&replay->record);
	rows_free(replay->rows);
	errors_free(replay->errors);
	verdict_free(replay->verdict);
	journal_reader_close(replay->reader);
}

static int no_memory(struct failure *failure)
{
	return failure_set(failure, -ENOMEM, "no memory for the report");
}

static int replay_init(struct replay *replay, const char *run_folder)
{
	int r = journal_reader_open(run_folder, replay->failure, &replay->reader);

	for (size_t kind = 0; r == 0 && kind < KINDS; kind++)
		r = cell_init(&replay->scratch[kind], (enum metric_kind)kind);
	if (r == 0)
		r = rows_new(replay->facts->plan, replay->report, &replay->rows);
	if (r == 0)
		r = verdict_new(replay->facts->plan, &replay->verdict);
	if (r == 0) {
		replay->errors = errors_new(replay->report);
		r = replay->errors ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r == -ENOMEM ? no_memory(replay->failure) : r;
	verdict_set_span(replay->verdict, replay->span->warmup_end_ns, replay->span->schedule_end_ns);
	return 0;
}

static int add_delta(struct replay *replay, const struct journal_delta *delta)
{
	const struct series *series = series_table_get(replay->facts->series, delta->series_id);
	const struct metric *metric = &metrics[series->metric];
	struct cell *cell = &replay->scratch[metric->kind];
	int r;

	cell_reset(cell);
	r = cell_decode_merge(cell, metric->merge, delta->data, delta->size);
	if (r < 0)
		return r;
	if (series->metric == METRIC_ERRORS)
		return errors_add(replay->errors, delta->series_id, series, delta->second, cell->counter);
	r = rows_add(replay->rows, delta->series_id, series, cell);
	return r < 0 ? r : verdict_add(replay->verdict, delta->second, series, cell);
}

/* A record has mostly one second or two next to each other, so the last one read is kept. */
static int fetch(struct replay *replay, uint64_t offset)
{
	int r;

	if (replay->record.type != 0 && replay->record_offset == offset)
		return 0;
	journal_record_deinit(&replay->record);
	r = journal_reader_get(replay->reader, offset, &replay->record, replay->failure);
	replay->record_offset = offset;
	return r;
}

/* The first delta of a second, by bisection. */
static uint32_t first_of(const struct journal_record *record, uint64_t second)
{
	uint32_t low = 0, high = record->deltas.delta_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (record->deltas.deltas[middle].second < second)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_block(struct replay *replay, const struct facts_block *block)
{
	const struct journal_record *record = &replay->record;
	int r = fetch(replay, block->offset);

	if (r < 0)
		return r;
	for (uint32_t i = first_of(record, block->second);
	     i < record->deltas.delta_count && record->deltas.deltas[i].second == block->second; i++) {
		r = add_delta(replay, &record->deltas.deltas[i]);
		if (r == -ENOMEM)
			return no_memory(replay->failure);
		if (r < 0)
			return failure_set(replay->failure, r, "the journal's record at byte %llu has damaged values",
			                   (unsigned long long)block->offset);
	}
	return 0;
}

static int end_second(struct replay *replay, uint64_t second)
{
	double observed;

	if (rows_end_second(replay->rows, second) < 0 || verdict_advance(replay->verdict, second, &observed) < -1)
		return no_memory(replay->failure);
	return 0;
}

static int add_seconds(struct replay *replay)
{
	const struct facts *facts = replay->facts;
	size_t next = 0;
	int r = 0;

	for (uint64_t second = 0; r == 0 && second < replay->report->second_count; second++) {
		for (; r == 0 && next < facts->block_count && facts->blocks[next].second == second; next++)
			r = add_block(replay, &facts->blocks[next]);
		if (r == 0)
			r = end_second(replay, second);
	}
	return r;
}

/* The second of two numbers kept apart: what the merged series hold in all. The first is what agents say of themselves.
 */
static _Bool sums_are_equal(const struct replay *replay, const struct coverage *coverage)
{
	uint64_t operations = 0;

	for (size_t kind = 0; kind < STEP_KIND_COUNT; kind++)
		if (metric_sets[kind].failed != METRIC_COUNT)
			operations += rows_total(replay->rows, metric_sets[kind].failed);
	return operations == coverage->operations &&
	       rows_total(replay->rows, METRIC_ITERATIONS) == coverage->iterations && !coverage->mismatch;
}

static int finish(struct replay *replay)
{
	const struct facts *facts = replay->facts;
	struct report *report = replay->report;
	struct coverage coverage cleanup(coverage_deinit) = {0};
	_Bool equal;
	int r = coverage_make(facts, replay->span, &coverage);

	if (r < 0)
		return r;
	equal = sums_are_equal(replay, &coverage);
	r = replay_ledger_rows(facts, replay->rows);
	if (r == 0)
		r = rows_give(replay->rows, report->measured_s);
	if (r == 0)
		r = errors_give(replay->errors, facts->plan, report);
	if (r == 0)
		r = trust_make(facts, &coverage, report);
	if (r == 0)
		r = fill_thresholds(facts, replay->span, replay->verdict, report);
	if (r == 0)
		r = fill_verdict(facts, &coverage, equal, report);
	if (r == 0)
		r = degraded_mark(facts, replay->span, &coverage, report);
	if (r == 0)
		r = fill_retired(facts, &coverage, report);
	return r < 0 ? r : fill_notes(facts, replay->span, replay->errors, report);
}

static int make_report(const char *run_folder, const struct facts *facts, const struct span *span,
                       struct failure *failure, struct report *report)
{
	struct replay replay cleanup(replay_deinit) = {
	        .facts = facts, .span = span, .report = report, .failure = failure};
	int r = fill_run(facts, span, report);

	if (r < 0)
		return no_memory(failure);
	r = replay_init(&replay, run_folder);
	if (r == 0)
		r = add_seconds(&replay);
	if (r == 0)
		r = replay_ledger_fill(facts, run_folder, report, failure);
	if (r < 0)
		return r;
	return finish(&replay) < 0 ? no_memory(failure) : 0;
}

int replay_report(const char *run_folder, struct failure *failure, struct report **ret_report)
{
	struct facts facts cleanup(facts_deinit) = {0};
	struct span span cleanup(span_deinit) = {0};
	struct report *report cleanup(report_freep) = NULL;
	int r = facts_read(run_folder, failure, &facts);

	if (r < 0)
		return r;
	report = report_new();
	if (!report || span_make(&facts, &span) < 0)
		return no_memory(failure);
	r = make_report(run_folder, &facts, &span, failure, report);
	if (r == 0)
		*ret_report = steal(report);
	return r;
}

static int write_file(const struct report *report, enum report_format format, const char *run_folder,
                      struct failure *failure)
{
	struct buffer text cleanup(buffer_deinit) = {0};
	char *path cleanup(cleanup_free) = file_join(run_folder, report_file_name(format));

	if (!path || report_write(report, format, NULL, &text) < 0)
		return no_memory(failure);
	return file_write(path, text.data, text.size, failure);
}

int replay_write_files(const struct report *report, const char *run_folder, struct failure *failure)
{
	int r = 0;

	for (int format = 0; r == 0 && format < REPORT_FORMAT_COUNT; format++)
		if (report_file_name((enum report_format)format))
			r = write_file(report, (enum report_format)format, run_folder, failure);
	return r;
}
