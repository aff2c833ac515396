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

#include "common/stats/cells.h"
#include "common/wire/codec.h"
#include "coordinator/run/intake.h"
#include "coordinator/replay/replay.h"
#include "tests/sim/host.h"
#include "tests/sim/oracle_state.h"

enum { SECONDS_MAX = 400 };

/* Sums by second and series. */
struct sums {
	struct cells *seconds[SECONDS_MAX];
};

struct judge {
	struct oracle *oracle;
	struct sim *sim;
	struct series_table *journaled; /* series by the journal's numbers */
	struct series_table *series;    /* by ours */
	struct sums wanted, found;
	uint32_t *names[SIM_AGENTS_MAX]; /* by process: our numbers of its series */
	uint32_t name_count[SIM_AGENTS_MAX];
	uint64_t next_seq[SIM_AGENTS_MAX];
	struct intake *intake; /* of the clean journal */
	struct journal *clean;
	char clean_folder[PATH_MAX];
	_Bool held; /* the clean intake has something to flush */
};

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

/* ---- the reports ---- */

static struct report *make_report(struct judge *judge, const char *folder, struct buffer *json)
{
	struct failure failure = {0};
	struct report *report = NULL;

	if (replay_report(folder, &failure, &report) < 0)
		sim_break(judge->sim, "no report: %s", failure.text);
	else
		sim_must(report_write(report, REPORT_JSON, NULL, json), "report");
	return report;
}

static void tell_difference(struct judge *judge, struct buffer *one, struct buffer *other)
{
	const char *a = buffer_text(one), *b = buffer_text(other);
	size_t at = 0, begin;

	while (a[at] && a[at] == b[at])
		at++;
	begin = at > 100 ? at - 100 : 0;
	sim_break(judge->sim, "the report is not an undisturbed run's: ...%.*s[%.60s] and [%.60s]", (int)(at - begin),
	          a + begin, a + at, b + at);
}

static void check_account(struct judge *judge, const struct report *report)
{
	const struct tally *tally = &report->tally;
	uint64_t dropped = tally_dropped(tally);

	if (tally->planned != tally->started + dropped + report->unknown)
		sim_break(judge->sim, "planned %llu, started %llu + dropped %llu + unknown %llu",
		          (unsigned long long)tally->planned, (unsigned long long)tally->started,
		          (unsigned long long)dropped, (unsigned long long)report->unknown);
	if (!report->sum_equals_total)
		sim_break(judge->sim, "the sums are not what agents counted");
}

static _Bool is_counted(const struct scenario *scenario)
{
	return scenario->executor == EXECUTOR_PER_VU_ITERATIONS || scenario->executor == EXECUTOR_SHARED_ITERATIONS;
}

/* Without a count a closed loop has no bound of what it may have done; nor has one that was cut short. */
static _Bool is_bounded(const struct oracle *oracle)
{
	const struct plan *plan = oracle->sim->plan->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (scenario_planned(&plan->scenarios[i]) == UINT64_MAX ||
		    (oracle->stops && is_counted(&plan->scenarios[i])))
			return 0;
	return 1;
}

/* What targets have seen. */
static uint64_t seen(const struct oracle *oracle)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < oracle->sim->plan->plan->scenario_count; i++)
		count += truth_started(oracle->sim->truth, i, UINT32_MAX, CLOCK_NEVER);
	return count;
}

/* The division in force at a time. */
static const struct epoch *epoch_at(const struct oracle *oracle, uint64_t at_ns)
{
	const struct epoch *epoch = oracle->epochs;

	for (size_t i = 1; i < oracle->epoch_count; i++)
		if (oracle->epochs[i].from_ns <= at_ns)
			epoch = &oracle->epochs[i];
	return epoch;
}

/* An agent that never came back may have gone on with what others had taken over, or past a stop: nobody can know. */
static _Bool can_be_known(const struct oracle *oracle, uint32_t scenario, const struct deed *deed)
{
	const struct watched *watched = &oracle->watched[deed->process];
	const struct epoch *epoch = epoch_at(oracle, deed->intended_ns);

	if (watched->done)
		return 1;
	if (watched->number == UINT32_MAX || !epoch || (oracle->stops && deed->intended_ns >= oracle->cut_ns))
		return 0;
	if (deed->index == UINT64_MAX)
		return 1;
	return watched->number < epoch->agent_count &&
	       share_owns(&epoch->indices[watched->number * oracle->sim->plan->plan->scenario_count + scenario],
	                  deed->index);
}

static uint64_t seen_within(const struct oracle *oracle)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < oracle->sim->plan->plan->scenario_count; i++) {
		size_t deeds;
		const struct deed *deed = truth_deeds(oracle->sim->truth, i, &deeds);

		for (size_t k = 0; k < deeds; k++)
			count += can_be_known(oracle, i, &deed[k]);
	}
	return count;
}

/* What is counted is done at most so often, whoever is lost, leaves or takes over. */
static void check_counts(struct judge *judge)
{
	const struct plan *plan = judge->sim->plan->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		uint64_t done = truth_started(judge->sim->truth, i, UINT32_MAX, CLOCK_NEVER);

		if (is_counted(&plan->scenarios[i]) && done > scenario_planned(&plan->scenarios[i]))
			sim_break(judge->sim, "%llu iterations of %s were started, %llu are planned",
			          (unsigned long long)done, plan->scenarios[i].name,
			          (unsigned long long)scenario_planned(&plan->scenarios[i]));
	}
}

static void check_truth(struct judge *judge, const struct report *report)
{
	uint64_t all = seen(judge->oracle), within = seen_within(judge->oracle);

	if (all < report->tally.started)
		sim_break(judge->sim, "%llu are reported as started, and %llu were",
		          (unsigned long long)report->tally.started, (unsigned long long)all);
	/* Where the journal just ends, agents went on. */
	if (judge->oracle->state != RUN_DONE)
		return;
	if (is_bounded(judge->oracle) && within > report->tally.started + report->overlap + report->unknown)
		sim_break(judge->sim, "%llu were started; %llu are known, %llu besides those planned, %llu unknown",
		          (unsigned long long)within, (unsigned long long)report->tally.started,
		          (unsigned long long)report->overlap, (unsigned long long)report->unknown);
}

static void check_end(struct judge *judge, const struct report *report)
{
	if (judge->oracle->stops > 0 && !report->ended_by[0])
		sim_break(judge->sim, "a stop is journaled, and the report says nothing of it");
}

static _Bool all_are_done(const struct oracle *oracle)
{
	for (uint32_t i = 0; i < oracle->agent_count; i++)
		if (!oracle->watched[oracle->processes[i]].done)
			return 0;
	return 1;
}

/* Whatever happened in between: where every agent has told its last account, the sum is what was done. */
static void check_accounts(struct judge *judge, const struct report *report)
{
	const struct tally *tally = &report->tally;
	uint64_t deeds = seen(judge->oracle), told = tally->started + tally_dropped(tally) + report->overlap;

	if (!all_are_done(judge->oracle))
		return;
	for (uint32_t i = 0; i < judge->sim->plan->plan->scenario_count; i++)
		deeds += truth_dropped(judge->sim->truth, i);
	if (deeds != told)
		sim_break(judge->sim, "every agent is done; %llu were started or dropped, %llu are reported",
		          (unsigned long long)deeds, (unsigned long long)told);
}

static _Bool is_calm(const struct chance *chance)
{
	for (uint32_t i = 0; i < chance->fault_count; i++)
		if (chance->faults[i].type != FAULT_AGENT_JOIN)
			return 0;
	return chance->drop == 0 && chance->reorder == 0 && chance->jitter_ns < 20 * NS_PER_MS;
}

static void check_whole(struct judge *judge, const struct report *report)
{
	const struct oracle *oracle = judge->oracle;

	if (oracle->losses || oracle->leaves || oracle->stops || oracle->excused || oracle->state != RUN_DONE)
		return;
	/* One that joins while messages get lost or the coordinator dies may take its part up late. */
	if (oracle->epoch > 1 && !is_calm(&judge->sim->chance))
		return;
	if (!report->complete || report->unknown || report->agent_seconds_held != report->agent_seconds_due)
		sim_break(judge->sim,
		          "nobody was lost, and it is not complete: %llu of %llu agent-seconds, %llu unknown",
		          (unsigned long long)report->agent_seconds_held, (unsigned long long)report->agent_seconds_due,
		          (unsigned long long)report->unknown);
}

/* Whose last account is journaled is let go, where nothing got lost on the way. */
static void check_exits(struct judge *judge)
{
	const struct sim *sim = judge->sim;

	if (!is_calm(&sim->chance) || judge->oracle->state != RUN_DONE)
		return;
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if (judge->oracle->watched[i].done && sim->agents[i] && !agent_went_well(sim->agents[i]))
			sim_break(judge->sim, "agent %u was done, and deserted nevertheless", i);
}

static void check_reports(struct judge *judge, struct sim_result *result)
{
	struct buffer json cleanup(buffer_deinit) = {0}, clean cleanup(buffer_deinit) = {0};
	struct report *report = make_report(judge, judge->sim->folder, &json);
	struct report *other = make_report(judge, judge->clean_folder, &clean);

	if (report && other) {
		if (json.size != clean.size || memcmp(json.data, clean.data, json.size) != 0)
			tell_difference(judge, &json, &clean);
		check_account(judge, report);
		check_counts(judge);
		check_truth(judge, report);
		check_accounts(judge, report);
		check_end(judge, report);
		check_whole(judge, report);
		result->complete = report->complete;
		result->unknown = report->unknown;
	}
	report_free(report);
	report_free(other);
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
		check_reports(judge, result);
	check_exits(judge);
	result->snapshots = oracle->snapshots;
	result->losses = oracle->losses;
	result->leaves = oracle->leaves;
	result->joins = oracle->joins;
	result->starts = oracle->starts;
	result->skew_of_bound = oracle->skew_of_bound;
	judge_deinit(judge);
	free(judge);
}
