/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up run: operations are drawn second by second and recorded under every row that includes them, as the
 * coordinator would sum them up. */
#include "tests/support/sample_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/stats/series.h"

enum { MAX_LINES = 256, SCENARIOS = 3, MAX_ERRORS = 64 };

struct sample_step {
	const char *name;
	enum step_kind kind;
	double per_s; /* at scale 1 */
	double median_ms;
	double spread;   /* sigma of the logarithm */
	double failures; /* share in the bad phase; a fiftieth of it elsewhere */
};

struct sample_scenario {
	const char *name;
	const char *executor;
	enum load load;
	uint32_t step_count;
	struct sample_step steps[3];
};

static const struct sample_scenario scenarios[SCENARIOS] = {
        {"ticks",
         "constant-arrival-rate",
         LOAD_OPEN,
         3,
         {{"stock-data", STEP_PRODUCE, 700, 2.4, 0.45, 0.004},
          {"signals", STEP_PRODUCE, 200, 2.1, 0.4, 0.002},
          {"indicators", STEP_PRODUCE, 100, 3.0, 0.5, 0.002}}},
        {"users",
         "ramping-vus",
         LOAD_CLOSED,
         2,
         {{"시세 조회", STEP_HTTP, 180, 21, 0.7, 0.12}, {"stock detail", STEP_HTTP, 90, 38, 0.6, 0.08}}},
        {"analysts", "constant-vus", LOAD_CLOSED, 1, {{"heavy indicators", STEP_SQL, 24, 140, 0.5, 0.03}}},
};

static const char *const symbols[] = {
        "005930 삼성전자",   "000660 SK하이닉스", "035420 NAVER", "005380 현대차",
        "035720 카카오",     "051910 LG화학",     "AAPL",         "MSFT",
        "7203 トヨタ自動車", "600519 贵州茅台",   "BRK.B",        "005935 삼성전자우",
};

const struct sample_config sample_minutes = {.seconds = 120, .warmup_s = 10, .groups = 40, .scale = 1};
const struct sample_config sample_brief = {.seconds = 20, .warmup_s = 2, .groups = 8, .scale = 0.2};
const struct sample_config sample_hours = {.seconds = 14400, .warmup_s = 300, .groups = 3000, .scale = 0.012};

/* A row in the making. */
struct draft {
	struct report_row row;
	uint64_t in_second; /* counters: so far in `second` */
	uint64_t second;
};

struct sample {
	const struct sample_config *config;
	struct report *report;
	struct random random;
	struct series_table *table;
	struct draft *drafts;
	size_t draft_capacity;
	struct cell *now; /* by line: the present second */
	uint32_t second;
	const char **groups;
	double *weights; /* cumulative */
	uint32_t error_capacity;
};

static _Bool is_warmup(const struct sample *sample)
{
	return sample->second < sample->config->warmup_s;
}

static _Bool is_bad(const struct sample *sample)
{
	uint32_t phase = sample->second % 1800;
	uint32_t from = sample->config->seconds < 1800 ? sample->config->seconds * 55 / 100 : 900;

	return !sample->config->healthy && phase >= from && phase < from + 9;
}

/* Roughly normal, mean 0 and deviation 1. */
static double draw_normal(struct random *random)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += random_unit(random);
	return sum;
}

static struct draft *get_draft(struct sample *sample, enum metric_id metric, const char *scenario, const char *step,
                               const char *group, const char *label)
{
	struct series series = {metric, 0, scenario, step, group, label};
	struct draft *draft;
	uint32_t id;
	_Bool added;

	if (series_table_intern(sample->table, &series, &id, &added) < 0 ||
	    array_reserve(&sample->drafts, &sample->draft_capacity, id, sizeof(*draft)) < 0)
		abort();
	draft = &sample->drafts[id];
	if (added) {
		const struct series *kept = series_table_get(sample->table, id);

		*draft = (struct draft){.row = {.metric = metric,
		                                .scenario = report_copy(sample->report, kept->scenario),
		                                .step = report_copy(sample->report, kept->step),
		                                .group = report_copy(sample->report, kept->group),
		                                .label = report_copy(sample->report, kept->label)}};
		if (cell_init(&draft->row.cell, metrics[metric].kind) < 0)
			abort();
	}
	return draft;
}

static struct cell *get_line_cell(struct sample *sample, enum metric_id metric, const char *scenario)
{
	struct report *report = sample->report;
	uint32_t at = 0;

	while (at < report->line_count &&
	       (report->lines[at].metric != metric || strcmp(report->lines[at].scenario, scenario) != 0))
		at++;
	if (at == report->line_count) {
		struct report_line *line = &report->lines[report->line_count++];
		uint32_t count = report->second_count;

		if (at == MAX_LINES || cell_init(&sample->now[at], metrics[metric].kind) < 0)
			abort();
		line->metric = metric;
		line->scenario = report_copy(report, scenario);
		line->count = report_alloc(report, count, sizeof(double));
		if (metrics[metric].kind == METRIC_RATE)
			line->total = report_alloc(report, count, sizeof(double));
		if (metrics[metric].kind == METRIC_LATENCY) {
			line->p50 = report_alloc(report, count, sizeof(float));
			line->p95 = report_alloc(report, count, sizeof(float));
			line->p99 = report_alloc(report, count, sizeof(float));
			line->max = report_alloc(report, count, sizeof(float));
			for (uint32_t i = 0; i < count; i++)
				line->p50[i] = line->p95[i] = line->p99[i] = line->max[i] = NAN;
		}
	}
	return &sample->now[at];
}

static void cell_take(struct sample *sample, struct cell *cell, uint64_t amount, uint64_t of)
{
	if (cell->kind == METRIC_COUNTER) {
		cell->counter += amount;
	} else if (cell->kind == METRIC_RATE) {
		cell->rate.hits += amount;
		cell->rate.total += of;
	} else if (cell->kind == METRIC_LATENCY) {
		if (cell_record_latency(cell, &sample->report->edges, amount) < 0)
			abort();
	}
}

static void draft_take(struct sample *sample, struct draft *draft, uint64_t amount, uint64_t of)
{
	if (is_warmup(sample)) {
		draft->row.warmup_count += draft->row.cell.kind == METRIC_COUNTER ? amount : 1;
		return;
	}
	cell_take(sample, &draft->row.cell, amount, of);
	if (draft->row.cell.kind != METRIC_COUNTER)
		return;
	if (draft->second != sample->second)
		draft->in_second = 0;
	draft->second = sample->second;
	draft->in_second += amount;
	if ((double)draft->in_second > draft->row.peak_per_s) {
		draft->row.peak_per_s = (double)draft->in_second;
		draft->row.peak_second = sample->second;
	}
}

/* Under the row itself and all above it, and on the lines of its scenario and of all. */
static void record(struct sample *sample, enum metric_id metric, const char *scenario, const char *step,
                   const char *group, const char *label, uint64_t amount, uint64_t of)
{
	if (metric == METRIC_COUNT)
		return;
	draft_take(sample, get_draft(sample, metric, "", "", "", ""), amount, of);
	draft_take(sample, get_draft(sample, metric, scenario, "", "", ""), amount, of);
	if (step[0])
		draft_take(sample, get_draft(sample, metric, scenario, step, "", ""), amount, of);
	if (group[0])
		draft_take(sample, get_draft(sample, metric, scenario, step, group, ""), amount, of);
	if (label[0])
		draft_take(sample, get_draft(sample, metric, scenario, step, "", label), amount, of);
	cell_take(sample, get_line_cell(sample, metric, ""), amount, of);
	cell_take(sample, get_line_cell(sample, metric, scenario), amount, of);
}

static void add_error(struct sample *sample, const struct sample_scenario *scenario, const struct sample_step *step)
{
	static const struct {
		enum step_kind kind;
		enum error_class class;
		const char *code, *text;
	} errors[] = {
	        {STEP_HTTP, ERROR_SERVER, "503", "Service Unavailable"},
	        {STEP_HTTP, ERROR_RATE_LIMITED, "429", "Too Many Requests"},
	        {STEP_HTTP, ERROR_TIMEOUT, "", "no answer within 5s"},
	        {STEP_HTTP, ERROR_CHECK, "200",
	         "check \"status is 200\" does not hold: 204 <No Content> & \"nothing\""},
	        {STEP_PRODUCE, ERROR_TIMEOUT, "_MSG_TIMED_OUT", "Local: Message timed out"},
	        {STEP_PRODUCE, ERROR_SERVER, "NOT_ENOUGH_REPLICAS", "Broker: Not enough in-sync replicas"},
	        {STEP_SQL, ERROR_SERVER, "57014", "canceling statement due to statement timeout"},
	        {STEP_SQL, ERROR_DATA, "22012", "0으로 나눌 수 없습니다 (division by zero)"},
	};
	struct report *report = sample->report;
	uint64_t pick = random_below(&sample->random, 7);
	uint32_t match = 0;
	double *line;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].kind == step->kind &&
		    (pick < 4 || match++ > 0 || i + 1 == sizeof(errors) / sizeof(errors[0]))) {
			struct report_error *error = report->errors;
			struct report_error *end = error + report->error_count;

			while (error < end && (error->class != errors[i].class || strcmp(error->code, errors[i].code) ||
			                       strcmp(error->step, step->name)))
				error++;
			if (error == end)
				*(report->error_count++, error) = (struct report_error){
				        scenario->name,
				        step->name,
				        "",
				        errors[i].class,
				        report_copy(report, errors[i].code),
				        report_copy(report, errors[i].text),
				        0,
				        sample->second,
				        sample->second,
				};
			error->count++;
			error->last_s = sample->second;
			line = report->error_lines[error->class];
			if (!line)
				line = report_alloc(report, report->second_count, sizeof(*line));
			line[sample->second]++;
			report->error_lines[error->class] = line;
			return;
		}
}

static const char *draw_group(struct sample *sample)
{
	double at = random_unit(&sample->random) * sample->weights[sample->config->groups - 1];
	uint32_t low = 0, high = sample->config->groups - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (sample->weights[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return sample->groups[low];
}

static void operate(struct sample *sample, const struct sample_scenario *scenario, const struct sample_step *step)
{
	const struct metric_set *set = &metric_sets[step->kind];
	const char *group = draw_group(sample);
	double share = sample->config->healthy ? 0 : is_bad(sample) ? step->failures : step->failures / 50;
	_Bool failed = random_unit(&sample->random) < share;
	double slow = is_bad(sample) ? 5 : 1;
	double us = 1000 * step->median_ms * slow * exp(step->spread * draw_normal(&sample->random));
	double late_us = scenario->load == LOAD_OPEN ? 120 * random_exponential(&sample->random) : 0;
	struct tally *tally = &sample->report->tally;

	if (!failed || set->counts_failures)
		record(sample, set->count, scenario->name, step->name, group, "", 1, 0);
	record(sample, set->failed, scenario->name, step->name, group, "", failed, 1);
	if (step->kind == STEP_HTTP)
		record(sample, METRIC_CHECKS, scenario->name, step->name, "", "status is 200", !failed, 1);
	tally->operations++;
	tally->failed_operations += failed;
	tally->planned++;
	tally->started++;
	tally->succeeded += !failed;
	tally->failed += failed;
	record(sample, METRIC_ITERATIONS, scenario->name, "", "", "", 1, 0);
	record(sample, METRIC_DATA_SENT, scenario->name, step->name, "", "", 300 + (uint64_t)us % 4000, 0);
	if (scenario->load == LOAD_OPEN)
		record(sample, METRIC_SEND_LATENESS, scenario->name, "", "", "", (uint64_t)late_us, 0);
	if (failed) {
		record(sample, set->failed_duration, scenario->name, step->name, group, "", (uint64_t)us, 0);
		if (!is_warmup(sample))
			add_error(sample, scenario, step);
		return;
	}
	record(sample, step->kind == STEP_HTTP ? METRIC_HTTP_REQ_DURATION : set->duration, scenario->name, step->name,
	       group, "", (uint64_t)us, 0);
	record(sample, set->response_time, scenario->name, step->name, group, "", (uint64_t)(us + late_us), 0);
	record(sample, METRIC_ITERATION_DURATION, scenario->name, "", "", "", (uint64_t)us, 0);
}

static void end_line(struct report_line *line, struct cell *cell, uint32_t second)
{
	const struct histogram *histogram;

	switch (metrics[line->metric].kind) {
	case METRIC_COUNTER:
		line->count[second] = (double)cell->counter;
		break;
	case METRIC_RATE:
		line->count[second] = (double)cell->rate.hits;
		line->total[second] = (double)cell->rate.total;
		break;
	case METRIC_GAUGE:
		line->count[second] = cell->gauge.last;
		break;
	case METRIC_LATENCY:
		histogram = cell->latency.histogram;
		line->count[second] = (double)histogram_count(histogram);
		if (histogram_count(histogram) == 0)
			break;
		line->p50[second] = (float)histogram_percentile_us(histogram, 50) / 1000;
		line->p95[second] = (float)histogram_percentile_us(histogram, 95) / 1000;
		line->p99[second] = (float)histogram_percentile_us(histogram, 99) / 1000;
		line->max[second] = (float)histogram_max_us(histogram) / 1000;
		break;
	}
	cell_reset(cell);
}

static void set_gauge(struct sample *sample, enum metric_id metric, const char *scenario, const char *label,
                      double value)
{
	struct draft *draft = get_draft(sample, metric, scenario, "", "", label);
	struct gauge *gauge = &draft->row.cell.gauge;

	if (!label[0])
		get_line_cell(sample, metric, scenario)->gauge.last = value;
	if (is_warmup(sample))
		return;
	gauge->min = gauge->count ? fmin(gauge->min, value) : value;
	gauge->max = gauge->count ? fmax(gauge->max, value) : value;
	gauge->last = value;
	gauge->sum += value;
	gauge->count++;
}

/* A group that falls behind in the bad phase, in eight partitions, and the brokers. */
static void read_stream(struct sample *sample)
{
	double lag = 0, slowest = 0;

	for (uint32_t i = 0; i < 8; i++) {
		double behind = floor((is_bad(sample) ? 400 : 12) * (i + 1) * random_unit(&sample->random));

		set_gauge(sample, METRIC_KAFKA_CONSUMER_LAG, "",
		          report_format_text(sample->report, "stock-pipeline/stock-data/%u", i), behind);
		lag += behind;
	}
	set_gauge(sample, METRIC_KAFKA_CONSUMER_LAG, "", "stock-pipeline", lag);
	set_gauge(sample, METRIC_KAFKA_CONSUMER_LAG, "", "", lag);
	set_gauge(sample, METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS, "", "", is_bad(sample) ? 4 : 0);
	set_gauge(sample, METRIC_KAFKA_OFFLINE_PARTITIONS, "", "", 0);
	for (uint32_t i = 1; i <= 3; i++) {
		const char *broker = report_format_text(sample->report, "kafka-%u.seoul.example:9092/%u", i, i);
		double rtt = (is_bad(sample) ? 7 : 1.5) + i * random_unit(&sample->random);

		set_gauge(sample, METRIC_KAFKA_BROKER_RTT, "", broker, rtt);
		set_gauge(sample, METRIC_KAFKA_THROTTLE_TIME, "", broker, 0);
		slowest = fmax(slowest, rtt);
	}
	set_gauge(sample, METRIC_KAFKA_BROKER_RTT, "", "", slowest);
	set_gauge(sample, METRIC_KAFKA_THROTTLE_TIME, "", "", 0);
}

static void run_second(struct sample *sample)
{
	double part = (double)sample->second / sample->config->seconds;
	double ramp = part < 0.3 ? 0.2 + part / 0.3 * 0.8 : 1;

	for (uint32_t i = 0; i < SCENARIOS; i++) {
		double load = scenarios[i].load == LOAD_OPEN ? 1 : ramp * (is_bad(sample) ? 0.4 : 1);

		for (uint32_t j = 0; j < scenarios[i].step_count; j++) {
			double noise = 1 + 0.03 * draw_normal(&sample->random);
			double due = sample->config->scale * load * scenarios[i].steps[j].per_s * noise;
			uint64_t whole = (uint64_t)(due + random_unit(&sample->random));

			while (whole-- > 0)
				operate(sample, &scenarios[i], &scenarios[i].steps[j]);
		}
	}
	set_gauge(sample, METRIC_VUS, "", "", floor(100 * ramp) + 8);
	set_gauge(sample, METRIC_VUS, "users", "", floor(100 * ramp));
	set_gauge(sample, METRIC_VUS, "analysts", "", 8);
	read_stream(sample);
	if (is_bad(sample)) {
		record(sample, METRIC_DROPPED_ITERATIONS, "ticks", "", "", "no_vu", 3, 0);
		sample->report->tally.dropped[DROP_NO_VU] += 3;
		sample->report->tally.planned += 3;
	}
	sample->report->warmup[sample->second] = is_warmup(sample);
	sample->report->degraded[sample->second] =
	        !sample->config->healthy && sample->second > 30 && sample->second < 35;
	for (uint32_t i = 0; i < sample->report->line_count; i++)
		end_line(&sample->report->lines[i], &sample->now[i], sample->second);
}

static void make_groups(struct sample *sample)
{
	uint32_t named = sizeof(symbols) / sizeof(symbols[0]);
	double sum = 0;

	sample->groups = report_alloc(sample->report, sample->config->groups, sizeof(*sample->groups));
	sample->weights = report_alloc(sample->report, sample->config->groups, sizeof(*sample->weights));
	for (uint32_t i = 0; i < sample->config->groups; i++) {
		sample->groups[i] = i < named ? symbols[i] : report_format_text(sample->report, "A%05u", 60 * i);
		sum += 1.0 / (i + 3);
		sample->weights[i] = sum;
	}
}

static int scenario_rank(const char *name)
{
	for (int i = 0; i < SCENARIOS; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return i + 1;
	return 0;
}

static int step_rank(int scenario, const char *name)
{
	for (uint32_t i = 0; scenario > 0 && i < scenarios[scenario - 1].step_count; i++)
		if (strcmp(scenarios[scenario - 1].steps[i].name, name) == 0)
			return (int)i + 1;
	return 0;
}

static uint64_t row_size(const struct report_row *row)
{
	switch (row->cell.kind) {
	case METRIC_COUNTER:
		return row->cell.counter;
	case METRIC_RATE:
		return row->cell.rate.total;
	case METRIC_GAUGE:
		return row->cell.gauge.count;
	case METRIC_LATENCY:
		break;
	}
	return histogram_count(row->cell.latency.histogram);
}

static int compare_rows(const void *a, const void *b)
{
	const struct report_row *one = a, *other = b;
	int one_scenario = scenario_rank(one->scenario), other_scenario = scenario_rank(other->scenario);
	int one_step = step_rank(one_scenario, one->step), other_step = step_rank(other_scenario, other->step);

	if (one->metric != other->metric)
		return one->metric < other->metric ? -1 : 1;
	if (one_scenario != other_scenario)
		return one_scenario - other_scenario;
	if (one_step != other_step)
		return one_step - other_step;
	if (!one->group[0] != !other->group[0])
		return one->group[0] ? 1 : -1;
	if (one->group[0] && row_size(one) != row_size(other))
		return row_size(one) > row_size(other) ? -1 : 1;
	if (strcmp(one->group, other->group) != 0)
		return strcmp(one->group, other->group);
	return strcmp(one->label, other->label);
}

static void finish_rows(struct sample *sample)
{
	struct report *report = sample->report;

	report->row_count = series_table_count(sample->table);
	report->rows = report_alloc(report, report->row_count, sizeof(*report->rows));
	for (uint32_t i = 0; i < report->row_count; i++) {
		struct report_row *row = &report->rows[i];

		*row = sample->drafts[i].row;
		row->rate_per_s = (double)row_size(row) / report->measured_s;
		if (row->cell.kind == METRIC_LATENCY && row->scenario[0])
			row->load = scenarios[scenario_rank(row->scenario) - 1].load;
		else if (row->cell.kind == METRIC_LATENCY)
			row->load = LOAD_MIXED;
	}
	qsort(report->rows, report->row_count, sizeof(*report->rows), compare_rows);
}

static void add_scenarios(struct report *report)
{
	report->scenario_count = SCENARIOS;
	report->scenarios = report_alloc(report, SCENARIOS, sizeof(*report->scenarios));
	for (uint32_t i = 0; i < SCENARIOS; i++) {
		struct report_scenario *scenario = &report->scenarios[i];

		scenario->name = scenarios[i].name;
		scenario->executor = scenarios[i].executor;
		scenario->load = scenarios[i].load;
		scenario->step_count = scenarios[i].step_count;
		scenario->steps = report_alloc(report, scenario->step_count, sizeof(*scenario->steps));
		scenario->step_kinds = report_alloc(report, scenario->step_count, sizeof(*scenario->step_kinds));
		for (uint32_t j = 0; j < scenario->step_count; j++) {
			scenario->steps[j] = scenarios[i].steps[j].name;
			scenario->step_kinds[j] = scenarios[i].steps[j].kind;
		}
	}
}

static void add_agents(struct sample *sample)
{
	struct report *report = sample->report;
	_Bool healthy = sample->config->healthy;

	report->agent_count = 3;
	report->agents_took_part = 3;
	report->agents = report_alloc(report, 3, sizeof(*report->agents));
	for (uint32_t i = 0; i < 3; i++) {
		struct report_agent *agent = &report->agents[i];
		_Bool lost = i == 2 && !healthy;

		agent->name = report_format_text(report, "agent-%u", i + 1);
		agent->host = report_format_text(report, "load-%02u.seoul.example", i + 1);
		agent->cpu = report_copy(report, "AMD EPYC 7763 64-Core Processor");
		agent->kernel = report_copy(report, "Linux 6.1.0-21-amd64");
		agent->cores = 8;
		agent->memory_bytes = UINT64_C(16) << 30;
		report_add_text(report, &agent->limits, "nofile", "1048576");
		report_add_text(report, &agent->libraries, "libcurl", "7.88.1");
		report_add_text(report, &agent->libraries, "librdkafka", "2.0.2");
		agent->seconds = lost ? report->second_count - 12 : report->second_count;
		agent->operations = report->tally.operations / 3;
		agent->clock_offset_ns = -1234567 + 2500000 * (int64_t)i;
		agent->clock_bound_ns = 85000 + 21000 * i;
		agent->start_skew_ns = 40000 + 9000 * i;
		agent->cpu_ns = (uint64_t)(report->duration_s * 0.4 * 1e9) + i * 31 * NS_PER_MS;
		agent->max_rss_kib = 48000 + 1313 * i;
		agent->drift_ppm = 12.3 - 20.0 * i;
		agent->drift_bound_ppm = 0.4;
		agent->joined_at_s = agent->left_at_s = -1;
		agent->lost_at_s = lost ? (int64_t)report->second_count - 12 : -1;
		report->agent_seconds_held += agent->seconds;
		report->agent_seconds_due += report->second_count;
	}
	if (!healthy && report->second_count > 35) {
		report->degradation_count = 1;
		report->degradations = report_alloc(report, 1, sizeof(*report->degradations));
		report->degradations[0] = (struct report_degradation){
		        31, 34, report_copy(report, "agent-2 <lost> (nothing heard of it for 10s)")};
	}
	report->complete = healthy;
	report->sum_equals_total = 1;
	report->unknown = healthy ? 0 : 412;
	report->tally.planned += report->unknown;
}

static void add_targets(struct report *report)
{
	static const char *const texts[][4] = {{"stream", "kafka", "3.9.1", "3 brokers, 12 partitions"},
	                                       {"api", "http", "nginx/1.22.1", "127.0.0.1:8000"},
	                                       {"db", "postgres", "15.8", "primary, 2 standbys"}};

	report->target_count = 3;
	report->targets = report_alloc(report, 3, sizeof(*report->targets));
	for (uint32_t i = 0; i < 3; i++)
		report->targets[i] = (struct report_target){
		        report_copy(report, texts[i][0]), report_copy(report, texts[i][1]),
		        report_copy(report, texts[i][2]), report_copy(report, texts[i][3]), i ? 0.183 * i : NAN};
}

static void add_thresholds(struct sample *sample)
{
	_Bool healthy = sample->config->healthy;
	const struct {
		const char *metric, *expression, *written;
		double window_s;
		double observed;
		_Bool pass;
		enum metric_kind kind;
		_Bool few_samples;
	} thresholds[] = {
	        {"kafka_produce_response_time{scenario:ticks}", "p(95)<50", "p(95)<50", 0, 11.237, 1, METRIC_LATENCY,
	         0},
	        {"kafka_produce_response_time{scenario:ticks}", "p(99.9)<1000", "p(99.9)<1000", 0, 46.527, 1,
	         METRIC_LATENCY, 1},
	        {"http_req_failed", "rate<0.05", "rate<0.05", 0, healthy ? 0 : 0.0117, 1, METRIC_RATE, 0},
	        {"http_req_failed", "rate<0.1 over 30s", "rate<0.1", 30, healthy ? 0 : 0.1043, healthy, METRIC_RATE, 0},
	        {"sql_query_response_time{scenario:analysts,step:heavy indicators}", "p(95)<400", "p(95)<400", 0,
	         healthy ? 310.015 : 418.303, healthy, METRIC_LATENCY, 0},
	        {"dropped_iterations", "count==0", "count==0", 0, healthy ? 0 : 27, healthy, METRIC_COUNTER, 0},
	};
	struct report *report = sample->report;

	report->threshold_count = sizeof(thresholds) / sizeof(thresholds[0]);
	report->thresholds = report_alloc(report, report->threshold_count, sizeof(*report->thresholds));
	for (uint32_t i = 0; i < report->threshold_count; i++)
		report->thresholds[i] = (struct report_threshold){
		        .metric = report_copy(report, thresholds[i].metric),
		        .expression = report_copy(report, thresholds[i].expression),
		        .written = report_copy(report, thresholds[i].written),
		        .window_s = thresholds[i].window_s,
		        .observed = thresholds[i].observed,
		        .pass = thresholds[i].pass,
		        .kind = thresholds[i].kind,
		        .few_samples = thresholds[i].few_samples,
		};
	report->thresholds_verdict = healthy ? THRESHOLDS_PASS : THRESHOLDS_FAIL;
	report->exit_code = healthy ? 0 : 99;
}

static void add_trust(struct sample *sample)
{
	_Bool healthy = sample->config->healthy;
	const struct {
		const char *check, *value, *limit;
		_Bool ok;
	} trust[] = {
	        {"send lateness p99", healthy ? "0.6 ms" : "23.1 ms", "10 ms", healthy},
	        {"agent CPU", "41 %", "80 %", 1},
	        {"cgroup throttled", "0 %", "1 %", 1},
	        {"dropped as late or queue full", "0 %", "0.1 %", 1},
	        {"descriptors", "2 %", "80 %", 1},
	        {"local ports", "11 %", "80 %", 1},
	        {"start skew", healthy ? "58 us" : "214 us", "127 us", healthy},
	};
	struct report *report = sample->report;

	report->trust_count = sizeof(trust) / sizeof(trust[0]);
	report->trust = report_alloc(report, report->trust_count, sizeof(*report->trust));
	for (uint32_t i = 0; i < report->trust_count; i++)
		report->trust[i] = (struct report_trust){
		        report_copy(report, trust[i].check),
		        report_copy(report, trust[i].value),
		        report_copy(report, trust[i].limit),
		        trust[i].ok,
		};
	report->trusted = healthy;
	if (!healthy) {
		report_add_text(
		        report, &report->notes, "target on the agent's host",
		        "the target api runs on the host of agent-1 (load-01.seoul.example): they share its CPU");
		report_add_text(report, &report->notes, "few samples",
		                "p99.9 of sql_query_response_time rests on fewer than 10 values above it");
	}
}

/* Of one topic all is well; the other one lost some, and was not read to its end. */
static void add_ledger(struct sample *sample)
{
	struct report *report = sample->report;
	_Bool healthy = sample->config->healthy;

	report->ledger_count = 2;
	report->ledger = report_alloc(report, 2, sizeof(*report->ledger));
	report->ledger[0] = (struct report_ledger){
	        .target = report_copy(report, "stream"),
	        .topic = report_copy(report, "stock-data"),
	        .counts = {.acked = 1800000, .seen = 1800000, .foreign = 2, .partitions = 12},
	        .problem = report_copy(report, ""),
	};
	report->ledger[1] = (struct report_ledger){
	        .target = report_copy(report, "stream"),
	        .topic = report_copy(report, "market-signals-of-the-whole-day"),
	        .counts = {.acked = 120301, .seen = 120301, .aborted = 5000, .partitions = 6},
	        .problem = report_copy(report, ""),
	};
	if (healthy)
		return;
	report->ledger[1].counts = (struct ledger_counts){
	        .acked = 120301,
	        .seen = 119000,
	        .lost = 1287,
	        .unread = 20,
	        .duplicated = 4,
	        .reordered = 3,
	        .aborted = 5000,
	        .aborted_visible = 1,
	        .failed = 7,
	        .unacked_visible = 5,
	        .partitions = 6,
	        .partitions_unread = 1,
	};
	report->ledger[1].problem =
	        report_copy(report, "the verifier gave up: no <message> of partition 3 came for 90 s");
	report->ledger[1].missing_count = 20;
	report->ledger[1].missing = report_alloc(report, 20, sizeof(*report->ledger[1].missing));
	for (uint32_t i = 0; i < 20; i++)
		report->ledger[1].missing[i] = (struct report_missing){
		        .agent = report_format_text(report, "agent-%u", i % 3 + 1),
		        .producer = 1 + i % 4,
		        .partition = i % 6,
		        .sequence = 5120 + 17 * i,
		        .second = 12 + i / 4,
		};
}

static void set_run(struct sample *sample)
{
	struct report *report = sample->report;

	report->id = report_copy(report, "20260703-000000-stock-pipeline");
	report->name = report_copy(report, "stock pipeline 주식 파이프라인");
	report->started_at = report_copy(report, "2026-07-03T09:00:00+09:00");
	report->t0_unix_ns = INT64_C(1783036800123456789);
	report->duration_s = sample->config->seconds + 0.125;
	report->warmup_s = sample->config->warmup_s;
	report->measured_s = sample->config->seconds - sample->config->warmup_s;
	report->plan_sha256 = report_copy(report, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
	report->version = report_copy(report, "0.1.0");
	report_add_text(report, &report->tags, "branch", "main");
	report_add_text(report, &report->tags, "ticket", "PERF-12 \"속도\"");
	report->edges = (struct bucket_edges){3, {100000, 300000, 500000}};
	report->group_status = group_status_defaults;
	report->second_count = sample->config->seconds;
	report->warmup = report_alloc(report, report->second_count, sizeof(_Bool));
	report->degraded = report_alloc(report, report->second_count, sizeof(_Bool));
	report->lines = report_alloc(report, MAX_LINES, sizeof(*report->lines));
	report->errors = report_alloc(report, MAX_ERRORS, sizeof(*report->errors));
}

struct report *sample_report_new(const struct sample_config *config)
{
	struct sample sample = {.config = config, .report = report_new(), .table = series_table_new()};

	sample.now = calloc(MAX_LINES, sizeof(*sample.now));
	if (!sample.report || !sample.table || !sample.now)
		abort();
	random_seed(&sample.random, 7);
	set_run(&sample);
	make_groups(&sample);
	add_scenarios(sample.report);
	for (sample.second = 0; sample.second < config->seconds; sample.second++)
		run_second(&sample);
	finish_rows(&sample);
	add_agents(&sample);
	add_targets(sample.report);
	add_thresholds(&sample);
	add_trust(&sample);
	add_ledger(&sample);
	for (uint32_t i = 0; i < sample.report->line_count; i++)
		cell_deinit(&sample.now[i]);
	series_table_free(sample.table);
	free(sample.drafts);
	free(sample.now);
	return sample.report;
}
