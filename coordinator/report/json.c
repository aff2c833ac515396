/* SPDX-License-Identifier: Apache-2.0 */
/* summary.json (docs/summary-format.md).
 *
 * Rows are made and written one at a time, each on a line of its own: a report of thousands of groups takes no memory
 * beyond its text, and two summaries can be compared by line. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/digest.h"
#include "coordinator/report/json_parts.h"
#include "coordinator/report/json_rows.h"
#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

enum { SUMMARY_FORMAT = 1 };

static json_t *make_run(const struct report *report)
{
	json_t *run = json_object();
	char t0[WORDS_MAX];

	/* A text: 2^53 ns is in 1970, and many readers keep numbers as doubles. */
	snprintf(t0, sizeof(t0), "%" PRId64, report->t0_unix_ns);
	json_put_text(&run, "id", report->id);
	json_put_text(&run, "name", report->name);
	json_put_text(&run, "started_at", report->started_at);
	json_put_text(&run, "t0_unix_ns", t0);
	json_put(&run, "duration_s", json_number(report->duration_s, 6));
	json_put(&run, "warmup_s", json_number(report->warmup_s, 6));
	json_put(&run, "measured_s", json_number(report->measured_s, 6));
	json_put_text(&run, "plan_sha256", report->plan_sha256);
	json_put_text(&run, "version", report->version);
	json_put(&run, "tags", json_pairs(&report->tags));
	return run;
}

static json_t *make_agent_environment(const struct report_agent *agent)
{
	json_t *object = json_object();

	json_put_text(&object, "name", agent->name);
	json_put_text(&object, "host", agent->host);
	json_put_text(&object, "cpu", agent->cpu);
	json_put(&object, "cores", json_whole(agent->cores));
	json_put(&object, "memory", json_whole(agent->memory_bytes));
	json_put_text(&object, "kernel", agent->kernel);
	json_put(&object, "limits", json_pairs(&agent->limits));
	json_put(&object, "libraries", json_pairs(&agent->libraries));
	return object;
}

static json_t *make_target(const struct report_target *target)
{
	json_t *object = json_object();

	json_put_text(&object, "name", target->name);
	json_put_text(&object, "kind", target->kind);
	json_put_text(&object, "version", target->version);
	json_put_text(&object, "topology", target->topology);
	json_put(&object, "idle_round_trip_ms", json_number(target->idle_round_trip_ms, 6));
	return object;
}

static json_t *make_verdict(const struct report *report)
{
	static const char *const words[] = {
	        [THRESHOLDS_NONE] = "none", [THRESHOLDS_PASS] = "pass", [THRESHOLDS_FAIL] = "fail"};
	json_t *object = json_object();

	json_put_text(&object, "thresholds", words[report->thresholds_verdict]);
	json_put_text(&object, "coverage", report->complete ? "complete" : "incomplete");
	json_put_text(&object, "trust", report->trusted ? "trusted" : "suspect");
	json_put(&object, "exit_code", json_integer(report->exit_code));
	json_put_text(&object, "ended_by", report->ended_by);
	return object;
}

static json_t *make_drops(const struct tally *tally)
{
	json_t *object = json_object();

	for (int i = 0; i < DROP_REASON_COUNT; i++)
		json_put(&object, drop_reason_names[i], json_whole(tally->dropped[i]));
	return object;
}

/* {feed: rows} */
static json_t *make_retired(const struct report *report)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < report->retired_count; i++)
		json_put(&object, report->retired[i].feed, json_whole(report->retired[i].rows));
	return object;
}

static json_t *make_degradations(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < report->degradation_count; i++) {
		json_t *object = json_object();

		json_put(&object, "first_s", json_whole(report->degradations[i].first_s));
		json_put(&object, "last_s", json_whole(report->degradations[i].last_s));
		json_put_text(&object, "why", report->degradations[i].why);
		if (json_array_append_new(list, object) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *make_coverage(const struct report *report)
{
	const struct tally *tally = &report->tally;
	json_t *object = json_object();

	json_put(&object, "agents", json_whole(report->agents_took_part));
	json_put(&object, "agent_seconds_held", json_whole(report->agent_seconds_held));
	json_put(&object, "agent_seconds_due", json_whole(report->agent_seconds_due));
	json_put(&object, "sum_equals_total", json_boolean(report->sum_equals_total));
	json_put(&object, "planned", json_whole(tally->planned));
	json_put(&object, "started", json_whole(tally->started));
	json_put(&object, "dropped", json_whole(tally_dropped(tally)));
	json_put(&object, "unknown", json_whole(report->unknown));
	json_put(&object, "overlap", json_whole(report->overlap));
	json_put(&object, "succeeded", json_whole(tally->succeeded));
	json_put(&object, "failed", json_whole(tally->failed));
	json_put(&object, "interrupted", json_whole(tally->interrupted));
	json_put(&object, "dropped_by_reason", make_drops(tally));
	json_put(&object, "operations", json_whole(tally->operations));
	json_put(&object, "failed_operations", json_whole(tally->failed_operations));
	json_put(&object, "degraded", make_degradations(report));
	json_put(&object, "rows_retired", make_retired(report));
	return object;
}

static json_t *make_threshold(const struct report_threshold *threshold)
{
	json_t *object = json_object();

	json_put_text(&object, "metric", threshold->metric);
	json_put_text(&object, "expression", threshold->written);
	json_put(&object, "window_s", threshold->window_s > 0 ? json_number(threshold->window_s, 3) : json_null());
	json_put(&object, "observed", threshold->no_data ? json_null() : json_number(threshold->observed, 9));
	json_put(&object, "pass", json_boolean(threshold->pass));
	json_put(&object, "no_data", json_boolean(threshold->no_data));
	json_put(&object, "few_samples", json_boolean(threshold->few_samples));
	json_put(&object, "aborted_at_s", threshold->aborted ? json_number(threshold->aborted_at_s, 3) : json_null());
	return object;
}

static json_t *make_error(const struct report_error *error)
{
	json_t *object = json_object();

	json_put_text(&object, "scenario", error->scenario);
	json_put_text(&object, "step", error->step);
	json_put_text(&object, "group", error->group);
	json_put_text(&object, "class", error_class_names[error->class]);
	json_put_text(&object, "code", error->code);
	json_put_text(&object, "text", error->text);
	json_put(&object, "count", json_whole(error->count));
	json_put(&object, "first_s", json_whole(error->first_s));
	json_put(&object, "last_s", json_whole(error->last_s));
	return object;
}

static json_t *make_agent(const struct report_agent *agent)
{
	json_t *object = json_object();

	json_put_text(&object, "name", agent->name);
	json_put_text(&object, "host", agent->host);
	json_put(&object, "seconds", json_whole(agent->seconds));
	json_put(&object, "operations", json_whole(agent->operations));
	json_put(&object, "clock_offset_us", json_number((double)agent->clock_offset_ns / 1000, 3));
	json_put(&object, "clock_bound_us", json_number((double)agent->clock_bound_ns / 1000, 3));
	json_put(&object, "start_skew_us", json_number((double)agent->start_skew_ns / 1000, 3));
	json_put(&object, "start_bound_us", json_number((double)agent->start_bound_ns / 1000, 3));
	json_put(&object, "drift_ppm", json_number(agent->drift_ppm, 3));
	json_put(&object, "drift_bound_ppm", json_number(agent->drift_bound_ppm, 3));
	json_put(&object, "cpu_s", json_number((double)agent->cpu_ns / 1e9, 6));
	json_put(&object, "steal_s", json_number((double)agent->steal_ns / 1e9, 6));
	json_put(&object, "max_rss_kib", json_whole(agent->max_rss_kib));
	json_put(&object, "joined_at_s", json_second(agent->joined_at_s));
	json_put(&object, "lost_at_s", json_second(agent->lost_at_s));
	json_put(&object, "left_at_s", json_second(agent->left_at_s));
	json_put(&object, "unknown", json_whole(agent->unknown));
	json_put(&object, "overlap", json_whole(agent->overlap));
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

static json_t *make_note(const struct report_text_pair *note)
{
	json_t *object = json_object();

	json_put_text(&object, "topic", note->name);
	json_put_text(&object, "text", note->value);
	return object;
}

static int append_member(struct buffer *buffer, const char *name, json_t *value)
{
	buffer_append_format(buffer, ",\n\"%s\":", name);
	return json_append(buffer, value);
}

/* ,"name":[ one item a line ] of an array of structs, each made by a function of its own type. */
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

static int append_environment(struct buffer *buffer, const struct report *report)
{
	json_t *agents = json_array();
	json_t *targets = json_array();
	json_t *object = json_object();

	for (uint32_t i = 0; i < report->agent_count; i++)
		if (json_array_append_new(agents, make_agent_environment(&report->agents[i])) < 0)
			buffer->failed = -ENOMEM;
	for (uint32_t i = 0; i < report->target_count; i++)
		if (json_array_append_new(targets, make_target(&report->targets[i])) < 0)
			buffer->failed = -ENOMEM;
	json_put(&object, "agents", agents);
	json_put(&object, "targets", targets);
	return append_member(buffer, "environment", object);
}

static int append_line(struct buffer *buffer, const struct report_line *line, uint32_t seconds)
{
	const struct {
		const char *name;
		const float *values;
	} floats[] = {{"p50", line->p50}, {"p95", line->p95}, {"p99", line->p99}, {"max", line->max}};
	cleanup_buffer struct buffer name = {0};

	buffer_append_format(&name, "%s|%s", metrics[line->metric].name, line->scenario);
	if (json_append(buffer, json_text(buffer_text(&name))) < 0)
		return -ENOMEM;
	buffer_append_text(buffer, ":{\"count\":");
	json_append_doubles(buffer, line->count, seconds, 6);
	if (line->total) {
		buffer_append_text(buffer, ",\"total\":");
		json_append_doubles(buffer, line->total, seconds, 6);
	}
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		if (!floats[i].values)
			continue;
		buffer_append_format(buffer, ",\"%s\":", floats[i].name);
		json_append_floats(buffer, floats[i].values, seconds, 3);
	}
	return buffer_append_text(buffer, "}");
}

/* {class: [a count a second]} of the classes that came. */
static void append_error_lines(struct buffer *buffer, const struct report *report)
{
	const char *between = "";

	buffer_append_text(buffer, ",\n\"errors\":{");
	for (int class = 0; class < ERROR_CLASS_COUNT; class ++) {
		if (!report->error_lines[class])
			continue;
		buffer_append_format(buffer, "%s\n\"%s\":", between, error_class_names[class]);
		json_append_doubles(buffer, report->error_lines[class], report->second_count, 0);
		between = ",";
	}
	buffer_append_text(buffer, "}");
}

static int append_timeline(struct buffer *buffer, const struct report *report)
{
	buffer_append_text(buffer, ",\n\"timeline\":{\"seconds\":[");
	for (uint32_t i = 0; i < report->second_count; i++)
		buffer_append_format(buffer, "%s%" PRIu32, i ? "," : "", i);
	buffer_append_text(buffer, "],\n\"warmup\":");
	json_append_flags(buffer, report->warmup, report->second_count);
	buffer_append_text(buffer, ",\n\"degraded\":");
	json_append_flags(buffer, report->degraded, report->second_count);
	append_error_lines(buffer, report);
	buffer_append_text(buffer, ",\n\"series\":{");
	for (uint32_t i = 0; i < report->line_count; i++) {
		buffer_append_text(buffer, i ? ",\n" : "\n");
		if (append_line(buffer, &report->lines[i], report->second_count) < 0)
			return -ENOMEM;
	}
	return buffer_append_text(buffer, "}}");
}

static json_t *make_group(const struct digest_entry *group)
{
	const struct report_row *row = group->response;
	double count = (double)group->count;
	json_t *object = json_object();

	json_put_text(&object, "scenario", group->scenario);
	json_put_text(&object, "step", group->step);
	json_put_text(&object, "group", group->group);
	json_put(&object, "count", json_whole(group->count));
	json_put(&object, "failed", json_whole(group->failed));
	json_put(&object, "success", json_number(count > 0 ? (double)(group->count - group->failed) / count : NAN, 9));
	json_put(&object, "min", json_number(row ? stats_min_ms(row) : NAN, 3));
	json_put(&object, "mean", json_number(row ? stats_mean_ms(row) : NAN, 3));
	json_put(&object, "max", json_number(row ? stats_max_ms(row) : NAN, 3));
	json_put(&object, "slow", json_whole(group->slow));
	json_put_text(&object, "status", group_status_names[group->status]);
	return object;
}

static int append_groups(struct buffer *buffer, const struct report *report)
{
	cleanup(digest_deinit) struct digest digest = {0};
	int r = digest_init(&digest, report);

	return r < 0 ? r : append_list(buffer, "groups", digest.groups, digest.group_count, make_group);
}

int write_json(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	int r = 0;

	(void)style;
	buffer_append_format(buffer, "{\"format\":%d", SUMMARY_FORMAT);
	r = r ? r : append_member(buffer, "run", make_run(report));
	r = r ? r : append_environment(buffer, report);
	r = r ? r : append_member(buffer, "verdict", make_verdict(report));
	r = r ? r : append_member(buffer, "coverage", make_coverage(report));
	r = r ? r : append_list(buffer, "notes", report->notes.items, report->notes.count, make_note);
	r = r ? r : append_list(buffer, "thresholds", report->thresholds, report->threshold_count, make_threshold);
	r = r ? r : json_append_rows(buffer, report);
	r = r ? r : append_list(buffer, "errors", report->errors, report->error_count, make_error);
	r = r ? r : append_list(buffer, "ledger", report->ledger, report->ledger_count, json_ledger);
	r = r ? r : append_groups(buffer, report);
	r = r ? r : append_timeline(buffer, report);
	r = r ? r : append_list(buffer, "agents", report->agents, report->agent_count, make_agent);
	r = r ? r : append_list(buffer, "trust", report->trust, report->trust_count, make_trust);
	buffer_append_text(buffer, "}\n");
	return r;
}
