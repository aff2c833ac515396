/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold at a seed's end.
 *
 * The journal is read once more. Its sums must be those of the snapshots that it says were accepted, which are kept
 * here as they were made. And from the same control records and the same snapshots a second journal is written, as if
 * nothing had ever gone wrong: both must make the same report. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/wire/codec.h"
#include "tests/sim/judge_state.h"

static void must_break(struct judge *judge, int r, const char *what)
{
	if (r < 0)
		sim_break(judge->sim, "%s: %s", what, strerror(-r));
}

/* ---- sums ---- */

static struct cell *cell_of(struct judge *judge, struct sums *sums, uint64_t second, uint32_t id)
{
	const struct series *series = series_table_get(judge->series, id);

	if (second >= SECONDS_MAX) {
		sim_break(judge->sim, "second %llu has values", (unsigned long long)second);
		second = 0;
	}
	if (!sums->seconds[second])
		sums->seconds[second] = cells_new();
	return cells_get(sums->seconds[second], id, metrics[series->metric].kind);
}

static void add(struct judge *judge, struct sums *sums, uint64_t second, uint32_t id, const uint8_t *data, size_t size)
{
	struct cell *cell = cell_of(judge, sums, second, id);

	sim_must(cell ? 0 : -ENOMEM, "cell");
	must_break(judge,
	           cell_decode_merge(cell, metrics[series_table_get(judge->series, id)->metric].merge, data, size),
	           "values that can't be read");
}

static uint32_t our_id(struct judge *judge, const struct series *series)
{
	uint32_t id;

	sim_must(series_table_intern(judge->series, series, &id, NULL), "series");
	return id;
}

static void add_snapshot(struct judge *judge, uint32_t process, const struct message_snapshot *snapshot)
{
	uint32_t **names = &judge->names[process];

	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		*names = realloc(*names, (judge->name_count[process] + 1) * sizeof(**names));
		sim_must(*names ? 0 : -ENOMEM, "names");
		(*names)[judge->name_count[process]++] = our_id(judge, &snapshot->series[i].series);
	}
	for (uint32_t i = 0; i < snapshot->cell_count; i++)
		add(judge, &judge->wanted, snapshot->second, (*names)[snapshot->cells[i].series_id],
		    snapshot->cells[i].data, snapshot->cells[i].size);
}

static void compare_cells(struct judge *judge, uint64_t second, uint32_t id)
{
	struct buffer wanted = {0}, found = {0};
	const struct series *series = series_table_get(judge->series, id);

	cell_encode(cell_of(judge, &judge->wanted, second, id), &wanted);
	cell_encode(cell_of(judge, &judge->found, second, id), &found);
	if (wanted.size != found.size || memcmp(wanted.data, found.data, wanted.size) != 0)
		sim_break(judge->sim, "second %llu, %s{%s,%s,%s,%s}: the journal holds another sum than was accepted",
		          (unsigned long long)second, metrics[series->metric].name, series->scenario, series->step,
		          series->group, series->label);
	buffer_deinit(&wanted);
	buffer_deinit(&found);
}

static void compare_sums(struct judge *judge)
{
	for (uint64_t second = 0; second < SECONDS_MAX; second++)
		for (uint32_t id = 0; id < series_table_count(judge->series); id++)
			if (judge->wanted.seconds[second] || judge->found.seconds[second])
				compare_cells(judge, second, id);
}

/* ---- the journal once more ---- */

static int append_clean(void *context, const struct journal_record *record)
{
	struct failure failure = {0};
	struct judge *judge = context;

	return journal_append(judge->clean, record, &failure);
}

static void flush_clean(struct judge *judge)
{
	if (judge->held)
		must_break(judge, intake_flush(judge->intake), "the clean journal");
	judge->held = 0;
}

static void take_accepted(struct judge *judge, const struct journal_accepted *accepted)
{
	uint32_t process = judge->oracle->processes[accepted->agent];
	const struct made *made = &judge->oracle->watched[process].made[accepted->seq - 1];
	struct failure failure = {0};
	struct message message = {0};

	if (accepted->seq != ++judge->next_seq[process])
		sim_break(judge->sim, "the journal holds agent %u's snapshot %llu as its %llu. one", process,
		          (unsigned long long)accepted->seq, (unsigned long long)judge->next_seq[process]);
	sim_must(codec_decode(made->bytes, made->size, &failure, &message), failure.text);
	add_snapshot(judge, process, &message.snapshot);
	if (intake_take(judge->intake, accepted->agent, &message.snapshot, &failure) != MERGE_ACCEPTED)
		sim_break(judge->sim, "the clean journal doesn't take agent %u's snapshot %llu: %s", process,
		          (unsigned long long)accepted->seq, failure.text);
	judge->held = 1;
	message_deinit(&message);
}

static void take_deltas(struct judge *judge, const struct journal_record *record)
{
	for (uint32_t i = 0; i < record->deltas.delta_count; i++) {
		const struct journal_delta *delta = &record->deltas.deltas[i];

		add(judge, &judge->found, delta->second,
		    our_id(judge, series_table_get(judge->journaled, delta->series_id)), delta->data, delta->size);
	}
	for (uint32_t i = 0; i < record->deltas.accepted_count && !judge->sim->broken[0]; i++)
		take_accepted(judge, &record->deltas.accepted[i]);
	if (random_below(&judge->sim->random, 2))
		flush_clean(judge);
}

static int take_record(void *context, struct journal_record *record, uint64_t offset)
{
	struct judge *judge = context;
	uint32_t id;

	(void)offset;
	switch (record->type) {
	case JOURNAL_SERIES:
		sim_must(series_table_intern(judge->journaled, &record->series.series, &id, NULL), "series");
		if (id != record->series.id)
			sim_break(judge->sim, "series %u is journaled as %u", id, record->series.id);
		break;
	case JOURNAL_DELTAS:
		take_deltas(judge, record);
		break;
	case JOURNAL_RESUME:
	case JOURNAL_CHILDREN:
		break;
	default:
		flush_clean(judge);
		must_break(judge, append_clean(judge, record), "the clean journal");
	}
	return judge->sim->broken[0] ? -ECANCELED : 0;
}

/* ---- all of it ---- */

static void judge_init(struct judge *judge)
{
	char path[PATH_MAX + 16];
	struct failure failure = {0};

	snprintf(judge->clean_folder, sizeof(judge->clean_folder), "%s/clean", judge->sim->folder);
	snprintf(path, sizeof(path), "%s/journal", judge->clean_folder);
	unlink(path);
	sim_must(journal_create(judge->clean_folder, 0, &failure, &judge->clean), failure.text);
	judge->journaled = series_table_new();
	judge->series = series_table_new();
	sim_must(judge->journaled && judge->series ? 0 : -ENOMEM, "series");
	sim_must(intake_new(&(struct intake_config){.plan = judge->sim->plan->plan,
	                                            .journal = append_clean,
	                                            .context = judge},
	                    &judge->intake),
	         "intake");
}

static void judge_deinit(struct judge *judge)
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		free(judge->names[i]);
	for (uint64_t i = 0; i < SECONDS_MAX; i++) {
		cells_free(judge->wanted.seconds[i]);
		cells_free(judge->found.seconds[i]);
	}
	series_table_free(judge->journaled);
	series_table_free(judge->series);
	intake_free(judge->intake);
	journal_close(judge->clean);
}

/* What nobody resumed may end in half a record, which its report tells of. */
static void cut_off(struct judge *judge, uint64_t bytes)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/journal", judge->sim->folder);
	sim_must(stat(path, &status) < 0 || truncate(path, status.st_size - (off_t)bytes) < 0 ? -errno : 0, path);
}

void oracle_judge(struct oracle *oracle, struct sim_result *result)
{
	struct judge *judge = calloc(1, sizeof(*judge));
	struct failure failure = {0};
	uint64_t cut;
	int r;

	sim_must(judge ? 0 : -ENOMEM, "judge");
	judge->oracle = oracle;
	judge->sim = oracle->sim;
	judge_init(judge);
	r = journal_read(oracle->sim->folder, take_record, judge, &cut, &failure);
	if (r < 0)
		sim_break(oracle->sim, "the journal can't be read: %s", failure.text);
	else
		cut_off(judge, cut);
	flush_clean(judge);
	if (!oracle->sim->broken[0])
		compare_sums(judge);
	if (!oracle->sim->broken[0] && oracle->started)
		judge_reports(judge, result);
	judge_exits(judge);
	result->snapshots = oracle->snapshots;
	result->losses = oracle->losses;
	result->leaves = oracle->leaves;
	result->joins = oracle->joins;
	result->starts = oracle->starts;
	result->skew_of_bound = oracle->skew_of_bound;
	judge_deinit(judge);
	free(judge);
}
