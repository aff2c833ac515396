/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets counted, as a table and as JSON. */
#include "deploy/lab/counters.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/base/units.h"

enum { TARGET_COLUMNS = 10, NAME_COLUMNS = 24, COUNT_COLUMNS = 14 };

static void free_json(json_t **json)
{
	json_decref(*json);
}

int kafka_counters_add(struct kafka_counters *counters, const char *name, uint64_t messages)
{
	char *copy;
	size_t at = counters->count;

	if (array_reserve(&counters->topics, &counters->capacity, counters->count, sizeof(*counters->topics)) < 0)
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	while (at > 0 && strcmp(counters->topics[at - 1].name, name) > 0) {
		counters->topics[at] = counters->topics[at - 1];
		at--;
	}
	counters->topics[at] = (struct topic_count){.name = copy, .messages = messages};
	counters->count++;
	counters->messages += messages;
	return 0;
}

void kafka_counters_deinit(struct kafka_counters *counters)
{
	for (size_t i = 0; i < counters->count; i++)
		free(counters->topics[i].name);
	free(counters->topics);
	*counters = (struct kafka_counters){0};
}

static void print_row(FILE *out, const char *target, const char *name, const char *count)
{
	size_t width = text_width(name);

	fprintf(out, "%-*s%s%*s%*s\n", TARGET_COLUMNS, target, name,
	        width < NAME_COLUMNS ? (int)(NAME_COLUMNS - width) : 1, "", COUNT_COLUMNS, count);
}

static void print_count(FILE *out, const char *target, const char *name, uint64_t count)
{
	char text[32];

	print_row(out, target, name, units_format_count(count, text, sizeof(text)));
}

static void print_kafka(const struct kafka_counters *kafka, FILE *out)
{
	print_count(out, "kafka", "messages", kafka->messages);
	for (size_t i = 0; i < kafka->count; i++) {
		char name[256 + 4];

		snprintf(name, sizeof(name), "  %s", kafka->topics[i].name);
		print_count(out, "", name, kafka->topics[i].messages);
	}
}

static void print_api(const struct api_counters *api, FILE *out)
{
	char name[16];

	print_count(out, "api", "answers", api->requests);
	for (unsigned status = 0; status < COUNTERS_STATUS_MAX; status++)
		if (api->by_status[status] > 0) {
			snprintf(name, sizeof(name), "  %u", status);
			print_count(out, "", name, api->by_status[status]);
		}
	if (api->unanswered > 0)
		print_count(out, "", "unanswered", api->unanswered);
}

static void print_postgres(const struct postgres_counters *postgres, FILE *out)
{
	if (!postgres->known) {
		print_row(out, "postgres", "calls", "unknown");
		return;
	}
	print_count(out, "postgres", "calls", postgres->calls);
	print_count(out, "", "rows", postgres->rows);
}

void counters_print(const struct counters *counters, FILE *out)
{
	fputs("\nthe lab's own counters\n", out);
	if (counters->kafka)
		print_kafka(counters->kafka, out);
	if (counters->api)
		print_api(counters->api, out);
	if (counters->postgres)
		print_postgres(counters->postgres, out);
}

static json_t *kafka_json(const struct kafka_counters *kafka)
{
	json_t *topics = json_object();

	for (size_t i = 0; i < kafka->count; i++)
		json_object_set_new(topics, kafka->topics[i].name, json_integer((json_int_t)kafka->topics[i].messages));
	return json_pack("{so sI}", "topics", topics, "messages", (json_int_t)kafka->messages);
}

static json_t *api_json(const struct api_counters *api)
{
	json_t *by_status = json_object();
	char name[16];

	for (unsigned status = 0; status < COUNTERS_STATUS_MAX; status++)
		if (api->by_status[status] > 0) {
			snprintf(name, sizeof(name), "%u", status);
			json_object_set_new(by_status, name, json_integer((json_int_t)api->by_status[status]));
		}
	return json_pack("{sI so sI}", "requests", (json_int_t)api->requests, "by_status", by_status, "unanswered",
	                 (json_int_t)api->unanswered);
}

static json_t *postgres_json(const struct postgres_counters *postgres)
{
	if (!postgres->known)
		return json_pack("{sn sn}", "calls", "rows");
	return json_pack("{sI sI}", "calls", (json_int_t)postgres->calls, "rows", (json_int_t)postgres->rows);
}

int counters_write(const struct counters *counters, const char *path, struct failure *failure)
{
	cleanup(free_json) json_t *json = json_object();
	cleanup(cleanup_free) char *text = NULL;
	int wrong = 0;

	if (counters->kafka)
		wrong |= json_object_set_new(json, "kafka", kafka_json(counters->kafka));
	if (counters->api)
		wrong |= json_object_set_new(json, "api", api_json(counters->api));
	if (counters->postgres)
		wrong |= json_object_set_new(json, "postgres", postgres_json(counters->postgres));
	if (!wrong)
		text = json_dumps(json, JSON_INDENT(2));
	if (!text)
		return failure_set(failure, -ENOMEM, "no memory for the counters");
	return file_write(path, text, strlen(text), failure);
}
