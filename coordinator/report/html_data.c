/* SPDX-License-Identifier: Apache-2.0 */
/* The tables and texts of report.html's data. */
#include "coordinator/report/html_data.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/json_parts.h"
#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"

/* A page with more would be slow to open; series.csv and summary.json have them all. */
enum { GROUPS_SHOWN = 20000, ERRORS_SHOWN = 2000, GAUGES_SHOWN = 5000 };

static json_t *make_pairs(const struct report_texts *texts)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < texts->count; i++) {
		json_t *pair = json_array();

		json_array_append_new(pair, json_text(texts->items[i].name));
		json_array_append_new(pair, json_text(texts->items[i].value));
		json_array_append_new(list, pair);
	}
	return list;
}

static json_t *make_run(const struct report *report)
{
	json_t *run = json_object();

	json_put_text(&run, "id", report->id);
	json_put_text(&run, "name", report->name[0] ? report->name : report->id);
	json_put_text(&run, "startedAt", report->started_at);
	json_put(&run, "t0Ms", json_integer(report->t0_unix_ns / 1000000));
	json_put(&run, "durationS", json_number(report->duration_s, 3));
	json_put(&run, "warmupS", json_number(report->warmup_s, 3));
	json_put(&run, "measuredS", json_number(report->measured_s, 3));
	json_put_text(&run, "plan", report->plan_sha256);
	json_put_text(&run, "version", report->version);
	json_put_text(&run, "endedBy", report->ended_by);
	json_put(&run, "tags", make_pairs(&report->tags));
	return run;
}

static void put_words(json_t **object, const char *key, const struct report *report,
                      int (*words)(const struct report *report, struct buffer *buffer))
{
	cleanup_buffer struct buffer text = {0};

	words(report, &text);
	json_put_text(object, key, buffer_text(&text));
}

static json_t *make_verdict(const struct report *report)
{
	static const char *const names[] = {
	        [THRESHOLDS_NONE] = "none", [THRESHOLDS_PASS] = "pass", [THRESHOLDS_FAIL] = "fail"};
	json_t *verdict = json_object();

	json_put_text(&verdict, "thresholds", names[report->thresholds_verdict]);
	json_put(&verdict, "complete", json_boolean(report->complete));
	json_put(&verdict, "trusted", json_boolean(report->trusted));
	json_put(&verdict, "exitCode", json_integer(report->exit_code));
	put_words(&verdict, "coverage", report, words_coverage);
	put_words(&verdict, "trust", report, words_trust);
	put_words(&verdict, "drops", report, words_drops);
	json_put(&verdict, "dropped", json_whole(tally_dropped(&report->tally)));
	json_put(&verdict, "secondsHeld", json_whole(report->agent_seconds_held));
	json_put(&verdict, "secondsDue", json_whole(report->agent_seconds_due));
	return verdict;
}

static json_t *make_figures(const struct figures *figures)
{
	json_t *object = json_object();

	json_put(&object, "total", json_whole(figures->total));
	json_put(&object, "succeeded", json_whole(figures->succeeded));
	json_put(&object, "failed", json_whole(figures->failed));
	json_put(&object, "mean", json_number(figures->mean_per_s, 3));
	json_put(&object, "peak", json_number(figures->peak_per_s, 3));
	json_put(&object, "peakSecond", json_whole(figures->peak_second));
	return object;
}

static json_t *make_threshold(const struct report_threshold *threshold)
{
	json_t *object = json_object();
	char observed[WORDS_MAX];

	json_put_text(&object, "metric", threshold->metric);
	json_put_text(&object, "expression", threshold->expression);
	json_put_text(&object, "observed", words_observed(threshold, observed));
	json_put(&object, "pass", json_boolean(threshold->pass));
	json_put(&object, "few", json_boolean(threshold->few_samples));
	json_put(&object, "abortedAt", threshold->aborted ? json_number(threshold->aborted_at_s, 1) : json_null());
	return object;
}

static json_t *make_scenario(const struct report_scenario *scenario)
{
	json_t *object = json_object();

	json_put_text(&object, "name", scenario->name);
	json_put_text(&object, "executor", scenario->executor);
	json_put_text(&object, "load", words_load(scenario->load));
	json_put(&object, "warmup", json_boolean(scenario->is_warmup));
	return object;
}

static json_t *make_percentile(const struct report_row *row, double percentile)
{
	return json_number(row ? report_percentile_ms(row, percentile) : NAN, 3);
}

/* The keys of those below whose percentile rests on few samples. */
static json_t *make_few_samples(const struct report_row *row)
{
	static const struct stats_percentile keys[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}};
	uint64_t count = row ? stats_count(row) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (count > 0 && histogram_few_samples(count, keys[i].percentile))
			json_array_append_new(list, json_string(keys[i].name));
	return list;
}

static json_t *make_step(const struct digest_entry *step)
{
	const struct report_row *row = step->response;
	json_t *object = json_object();

	json_put_text(&object, "scenario", step->scenario);
	json_put_text(&object, "name", step->step);
	json_put_text(&object, "kind", step_kind_names[step->kind]);
	json_put_text(&object, "load", words_load(step->load));
	json_put(&object, "warmup", json_boolean(step->is_warmup));
	json_put(&object, "count", json_whole(step->is_warmup ? step->warmup_count : step->count));
	json_put(&object, "failed", json_whole(step->failed));
	json_put(&object, "messages", step->messages ? json_whole(step->messages->cell.counter) : json_null());
	json_put(&object, "perS", json_number(step->per_s, 3));
	json_put(&object, "peak", json_number(step->peak_per_s, 3));
	json_put(&object, "min", json_number(row ? stats_min_ms(row) : NAN, 3));
	json_put(&object, "mean", json_number(row ? stats_mean_ms(row) : NAN, 3));
	json_put(&object, "p50", make_percentile(row, 50));
	json_put(&object, "p95", make_percentile(row, 95));
	json_put(&object, "p99", make_percentile(row, 99));
	json_put(&object, "p999", make_percentile(row, 99.9));
	json_put(&object, "max", json_number(row ? stats_max_ms(row) : NAN, 3));
	json_put(&object, "few", make_few_samples(row));
	return object;
}

static json_t *make_error(const struct digest_error *error)
{
	json_t *object = json_object();

	json_put_text(&object, "scenario", error->scenario);
	json_put_text(&object, "step", error->step);
	json_put(&object, "groups", json_whole(error->groups));
	json_put_text(&object, "class", error_class_names[error->class]);
	json_put_text(&object, "code", error->code);
	json_put_text(&object, "text", error->text);
	json_put(&object, "count", json_whole(error->count));
	json_put(&object, "first", json_whole(error->first_s));
	json_put(&object, "last", json_whole(error->last_s));
	return object;
}

/* As in summary.json, with what the other formats say in words. */
static json_t *make_ledger(const struct report_ledger *ledger)
{
	json_t *object = json_ledger(ledger);
	cleanup_buffer struct buffer words = {0};

	words_ledger(ledger, &words);
	json_put_text(&object, "words", buffer_text(&words));
	return object;
}

static json_t *make_gauge(const struct report_row *const *row)
{
	const struct gauge *gauge = &(*row)->cell.gauge;
	json_t *object = json_object();

	json_put_text(&object, "metric", metrics[(*row)->metric].name);
	json_put_text(&object, "unit", metrics[(*row)->metric].unit);
	json_put_text(&object, "label", (*row)->label);
	json_put(&object, "last", json_number(gauge->last, 3));
	json_put(&object, "min", json_number(gauge->min, 3));
	json_put(&object, "avg", json_number(gauge->sum / (double)gauge->count, 3));
	json_put(&object, "max", json_number(gauge->max, 3));
	return object;
}

static json_t *make_agent(const struct report_agent *agent)
{
	json_t *object = json_object();

	json_put_text(&object, "name", agent->name);
	json_put_text(&object, "host", agent->host);
	json_put_text(&object, "cpu", agent->cpu);
	json_put_text(&object, "kernel", agent->kernel);
	json_put(&object, "cores", json_whole(agent->cores));
	json_put(&object, "memory", json_whole(agent->memory_bytes));
	json_put(&object, "libraries", make_pairs(&agent->libraries));
	json_put(&object, "seconds", json_whole(agent->seconds));
	json_put(&object, "operations", json_whole(agent->operations));
	json_put(&object, "offsetUs", json_number((double)agent->clock_offset_ns / 1000, 1));
	json_put(&object, "boundUs", json_number((double)agent->clock_bound_ns / 1000, 1));
	json_put(&object, "skewUs", json_number((double)agent->start_skew_ns / 1000, 1));
	json_put(&object, "cpuS", json_number((double)agent->cpu_ns / 1e9, 3));
	json_put(&object, "rssKib", json_whole(agent->max_rss_kib));
	json_put(&object, "skewBoundUs", json_number((double)agent->start_bound_ns / 1000, 1));
	json_put(&object, "driftPpm", json_number(agent->drift_ppm, 2));
	json_put(&object, "driftBoundPpm", json_number(agent->drift_bound_ppm, 2));
	json_put(&object, "joinedAt", json_second(agent->joined_at_s));
	json_put(&object, "lostAt", json_second(agent->lost_at_s));
	json_put(&object, "leftAt", json_second(agent->left_at_s));
	json_put(&object, "unknown", json_whole(agent->unknown));
	json_put(&object, "overlap", json_whole(agent->overlap));
	return object;
}

static json_t *make_target(const struct report_target *target)
{
	json_t *object = json_object();

	json_put_text(&object, "name", target->name);
	json_put_text(&object, "kind", target->kind);
	json_put_text(&object, "version", target->version);
	json_put_text(&object, "topology", target->topology);
	json_put(&object, "idleMs", json_number(target->idle_round_trip_ms, 3));
	return object;
}

static json_t *make_trust(const struct report_trust *trust)
{
	json_t *object = json_object();

	json_put_text(&object, "check", trust->check);
	json_put_text(&object, "value", trust->value);
	json_put_text(&object, "limit", trust->limit);
	json_put(&object, "ok", json_boolean(trust->ok));
	return object;
}

/* [step's index, name, count, failed, per s, min, mean, p95, max, p95 of few samples, slow, status]: compact, there are
 * thousands. */
static int append_group(struct buffer *buffer, const struct digest_entry *group, uint32_t step)
{
	const struct report_row *row = group->response;
	const double times[] = {row ? stats_min_ms(row) : NAN, row ? stats_mean_ms(row) : NAN, group->p95_ms,
	                        row ? stats_max_ms(row) : NAN};
	_Bool few = row && histogram_few_samples(stats_count(row), 95);

	buffer_append_format(buffer, "[%" PRIu32 ",", step);
	if (json_append(buffer, json_text(group->group)) < 0)
		return -ENOMEM;
	buffer_append_format(buffer, ",%" PRIu64 ",%" PRIu64 ",", group->count, group->failed);
	json_append_double(buffer, group->per_s, 4);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		buffer_append_byte(buffer, ',');
		json_append_double(buffer, times[i], 3);
	}
	return buffer_append_format(buffer, ",%d,%" PRIu64 ",\"%s\"]", few, group->slow,
	                            group_status_names[group->status]);
}

static _Bool of_step(const struct digest_entry *group, const struct digest_entry *step)
{
	return strcmp(group->step, step->step) == 0 && strcmp(group->scenario, step->scenario) == 0;
}

static uint32_t find_step(const struct digest *digest, const struct digest_entry *group)
{
	uint32_t step = 0;

	while (step + 1 < digest->step_count && !of_step(group, &digest->steps[step]))
		step++;
	return step;
}

/* The worst first, as the table shows them until a reader sorts it. */
static int append_groups(struct buffer *buffer, const struct digest *digest)
{
	buffer_append_format(buffer, ",\n\"groupCount\":%" PRIu32 ",\"groups\":[", digest->group_count);
	for (uint32_t i = 0; i < digest->group_count && i < GROUPS_SHOWN; i++) {
		buffer_append_text(buffer, i ? ",\n" : "\n");
		if (append_group(buffer, digest->worst[i], find_step(digest, digest->worst[i])) < 0)
			return -ENOMEM;
	}
	return buffer_append_text(buffer, "]");
}

/* ,"name":[...] of an array of structs, each made by a function of its own type. */
#define append_list(buffer, name, items, count, make)                                                                  \
	({                                                                                                             \
		int list_r = buffer_append_format(buffer, ",\n\"%s\":[", name);                                        \
		for (uint32_t list_i = 0; list_i < (count) && list_r == 0; list_i++) {                                 \
			buffer_append_text(buffer, list_i ? ",\n" : "\n");                                             \
			list_r = json_append(buffer, make(&(items)[list_i]));                                          \
		}                                                                                                      \
		buffer_append_text(buffer, "]");                                                                       \
		list_r;                                                                                                \
	})

static int append_member(struct buffer *buffer, const char *name, json_t *value)
{
	buffer_append_format(buffer, "\"%s\":", name);
	return json_append(buffer, value);
}

static int append_tables(struct buffer *buffer, const struct report *report, const struct digest *digest)
{
	uint32_t errors = digest->detail_count < ERRORS_SHOWN ? digest->detail_count : ERRORS_SHOWN;
	uint32_t gauges = digest->gauge_count < GAUGES_SHOWN ? digest->gauge_count : GAUGES_SHOWN;
	int r = 0;

	r = r ? r : append_list(buffer, "thresholds", report->thresholds, report->threshold_count, make_threshold);
	r = r ? r : append_list(buffer, "scenarios", report->scenarios, report->scenario_count, make_scenario);
	r = r ? r : append_list(buffer, "steps", digest->steps, digest->step_count, make_step);
	r = r ? r : append_groups(buffer, digest);
	r = r ? r : append_list(buffer, "errors", digest->details, errors, make_error);
	r = r ? r : append_list(buffer, "ledger", report->ledger, report->ledger_count, make_ledger);
	r = r ? r : append_list(buffer, "gauges", digest->gauges, gauges, make_gauge);
	r = r ? r : append_list(buffer, "agents", report->agents, report->agent_count, make_agent);
	r = r ? r : append_list(buffer, "targets", report->targets, report->target_count, make_target);
	r = r ? r : append_list(buffer, "trust", report->trust, report->trust_count, make_trust);
	return r;
}

int html_append_data(struct buffer *buffer, const struct report *report)
{
	cleanup(digest_deinit) struct digest digest = {0};
	int r = digest_init(&digest, report);

	buffer_append_text(buffer, "{");
	r = r ? r : append_member(buffer, "run", make_run(report));
	buffer_append_text(buffer, ",\n");
	r = r ? r : append_member(buffer, "verdict", make_verdict(report));
	buffer_append_text(buffer, ",\n");
	r = r ? r : append_member(buffer, "figures", make_figures(&digest.figures));
	buffer_append_text(buffer, ",\n");
	r = r ? r : append_member(buffer, "notes", make_pairs(&report->notes));
	r = r ? r : append_tables(buffer, report, &digest);
	r = r ? r : html_append_distribution(buffer, report, &digest);
	r = r ? r : html_append_timeline(buffer, report);
	buffer_append_text(buffer, "}");
	return r;
}
