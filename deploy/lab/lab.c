/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded targets together. Kafka and the API are of this process and each start on a thread of their own,
 * while the database's processes are started by the main one, which they die with. */
#include "deploy/lab/lab.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "deploy/lab/api.h"
#include "deploy/lab/counters.h"
#include "deploy/lab/folder.h"
#include "deploy/lab/kafka.h"
#include "deploy/lab/postgres.h"
#include "deploy/lab/symbols.h"

#define API_SEED 3000 /* of latencies and errors: the same in every run */

struct lab {
	const struct options *options;
	struct folder folder;
	char *symbols_path;
	char *api_url;
	struct symbols *symbols;
	struct kafka *kafka;
	struct api *api;
	struct postgres *postgres;
};

DEFINE_CLEANUP(struct lab *, lab_stop)

struct lab *lab_stop(struct lab *lab)
{
	if (!lab)
		return NULL;
	api_free(lab->api);
	kafka_stop(lab->kafka);
	postgres_stop(lab->postgres);
	symbols_free(lab->symbols);
	folder_close(&lab->folder);
	free(lab->symbols_path);
	free(lab->api_url);
	free(lab);
	return NULL;
}

static int write_symbols(struct lab *lab, struct failure *failure)
{
	cleanup_buffer struct buffer csv = {0};

	lab->symbols_path = file_join(lab->folder.path, "symbols.csv");
	if (!lab->symbols_path || symbols_new(lab->options->symbols, &lab->symbols) < 0 ||
	    symbols_write_csv(lab->symbols, &csv) < 0)
		return failure_set(failure, -ENOMEM, "no memory for the symbols");
	return file_write(lab->symbols_path, csv.data, csv.size, failure);
}

static int start_kafka(struct lab *lab, struct failure *failure)
{
	return kafka_start(failure, &lab->kafka);
}

static int start_api(struct lab *lab, struct failure *failure)
{
	struct api_config config = {.symbols = lab->symbols,
	                            .latency_low_ns = lab->options->latency_low_ns,
	                            .latency_high_ns = lab->options->latency_high_ns,
	                            .errors = lab->options->errors,
	                            .seed = API_SEED};
	int r = api_start(&config, failure, &lab->api);

	if (r < 0)
		return r;
	if (asprintf(&lab->api_url, "http://127.0.0.1:%u", (unsigned)api_port(lab->api)) < 0) {
		lab->api_url = NULL;
		return failure_set(failure, -ENOMEM, "no memory");
	}
	return 0;
}

static int start_postgres(struct lab *lab, int interrupt_fd, struct failure *failure)
{
	cleanup(cleanup_free) char *cache = folder_cache();
	struct postgres_config config = {
	        .symbols = lab->symbols, .folder = lab->folder.path, .cache = cache, .interrupt_fd = interrupt_fd};

	return postgres_start(&config, failure, &lab->postgres);
}

/* A target that starts on a thread of its own. */
struct starter {
	int (*start)(struct lab *lab, struct failure *failure);
	_Bool wanted;
	struct lab *lab;
	pthread_t thread;
	_Bool started;
	int result;
	struct failure failure;
};

static void *run_starter(void *context)
{
	struct starter *starter = context;

	starter->result = starter->start(starter->lab, &starter->failure);
	return NULL;
}

static void begin(struct starter *starter)
{
	if (!starter->wanted)
		return;
	starter->started = pthread_create(&starter->thread, NULL, run_starter, starter) == 0;
	if (!starter->started)
		run_starter(starter);
}

static int finish(struct starter *starter, int result, struct failure *failure)
{
	if (starter->started)
		pthread_join(starter->thread, NULL);
	if (result < 0 || starter->result == 0)
		return result;
	*failure = starter->failure;
	return starter->result;
}

int lab_start(const struct options *options, int interrupt_fd, struct failure *failure, struct lab **ret_lab)
{
	cleanup(lab_stopp) struct lab *lab = calloc(1, sizeof(*lab));
	struct starter kafka = {.start = start_kafka, .wanted = options->kafka, .lab = lab};
	struct starter api = {.start = start_api, .wanted = options->api, .lab = lab};
	int r;

	if (!lab)
		return failure_set(failure, -ENOMEM, "no memory");
	lab->options = options;
	r = folder_open(failure, &lab->folder);
	if (r == 0)
		r = write_symbols(lab, failure);
	if (r < 0)
		return r;
	begin(&kafka);
	begin(&api);
	if (options->postgres)
		r = start_postgres(lab, interrupt_fd, failure);
	r = finish(&kafka, r, failure);
	r = finish(&api, r, failure);
	if (r == 0)
		*ret_lab = steal(lab);
	return r;
}

size_t lab_variables(const struct lab *lab, struct lab_variable ret_variables[LAB_VARIABLES_MAX])
{
	size_t count = 0;

	if (lab->kafka)
		ret_variables[count++] = (struct lab_variable){"STAMPEDE_VAR_BROKERS", kafka_brokers(lab->kafka)};
	if (lab->api)
		ret_variables[count++] = (struct lab_variable){"STAMPEDE_VAR_API", lab->api_url};
	if (lab->postgres)
		ret_variables[count++] = (struct lab_variable){"STAMPEDE_VAR_DB", postgres_uri(lab->postgres)};
	ret_variables[count++] = (struct lab_variable){"STAMPEDE_VAR_SYMBOLS", lab->symbols_path};
	return count;
}

int lab_database_pidfd(const struct lab *lab)
{
	return lab->postgres ? postgres_pidfd(lab->postgres) : -1;
}

static int count_all(struct lab *lab, FILE *out, struct kafka_counters *kafka, struct failure *failure)
{
	struct postgres_counters postgres = {0};
	struct api_counters api = {0};
	struct counters counters = {0};
	int r = 0;

	if (lab->api) {
		api_finish(lab->api, &api);
		counters.api = &api;
	}
	if (lab->kafka) {
		r = kafka_count(lab->kafka, failure, kafka);
		counters.kafka = r == 0 ? kafka : NULL;
	}
	if (lab->postgres && r == 0) {
		r = postgres_count(lab->postgres, failure, &postgres);
		counters.postgres = r == 0 ? &postgres : NULL;
	}
	counters_print(&counters, out);
	if (r == 0 && lab->options->counters)
		r = counters_write(&counters, lab->options->counters, failure);
	return r;
}

int lab_count(struct lab *lab, FILE *out, struct failure *failure)
{
	struct kafka_counters kafka = {0};
	int r = count_all(lab, out, &kafka, failure);

	kafka_counters_deinit(&kafka);
	return r;
}
