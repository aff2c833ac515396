/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest loop that produces and hears of each delivery: librdkafka's own limit. Arguments: brokers, topic, kind,
 * messages, bytes of each, then properties as NAME=VALUE. Prints the messages delivered and the seconds that took.
 *
 * The topic is never looked up, and it polls only where the queue is full, so that each poll finds many reports. Of the
 * kind "same" every message has the same payload at the same place, which stays in every cache; "copied" has librdkafka
 * copy it, as whoever sends messages that differ; "headed" is as "same", with a header as large as a stamp. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "common/base/clock.h"
#include "common/base/units.h"

enum { POLL_MS = 100, FLUSH_MS = 60000, SIZE_MAX_BYTES = 1000000 };

enum kind { SAME, COPIED, HEADED, KIND_COUNT };

struct counts {
	uint64_t delivered, failed;
};

static void take_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	struct counts *counts = context;

	(void)client;
	if (message->err)
		counts->failed++;
	else
		counts->delivered++;
}

/* NAME=VALUE; the text is cut in two. */
static int set_property(rd_kafka_conf_t *conf, char *text)
{
	char *value = strchr(text, '=');
	char problem[256] = "no value";

	if (value) {
		*value++ = '\0';
		if (rd_kafka_conf_set(conf, text, value, problem, sizeof(problem)) == RD_KAFKA_CONF_OK)
			return 0;
	}
	fprintf(stderr, "%s: %s\n", text, problem);
	return -1;
}

static rd_kafka_t *make_client(const char *brokers, char **properties, int count, struct counts *counts)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char problem[256] = "";
	rd_kafka_t *client;

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, problem, sizeof(problem)) != RD_KAFKA_CONF_OK)
		return NULL;
	for (int i = 0; i < count; i++) {
		if (set_property(conf, properties[i]) < 0)
			return NULL;
	}
	rd_kafka_conf_set_dr_msg_cb(conf, take_report);
	rd_kafka_conf_set_opaque(conf, counts);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	if (!client)
		fprintf(stderr, "%s\n", problem);
	return client;
}

static rd_kafka_resp_err_t send_one(rd_kafka_t *client, rd_kafka_topic_t *topic, enum kind kind, void *payload,
                                    size_t size)
{
	static const char header[40];

	if (kind == HEADED)
		return rd_kafka_producev(client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_VALUE(payload, size),
		                         RD_KAFKA_V_HEADER("stampede", header, sizeof(header)), RD_KAFKA_V_END);
	if (kind == COPIED)
		return rd_kafka_producev(client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_VALUE(payload, size),
		                         RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	return rd_kafka_producev(client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_VALUE(payload, size), RD_KAFKA_V_END);
}

static rd_kafka_resp_err_t send_all(rd_kafka_t *client, rd_kafka_topic_t *topic, enum kind kind, void *payload,
                                    size_t size, uint64_t count)
{
	for (uint64_t sent = 0; sent < count;) {
		rd_kafka_resp_err_t error = send_one(client, topic, kind, payload, size);

		if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(client, POLL_MS);
		else if (error)
			return error;
		else
			sent++;
	}
	return rd_kafka_flush(client, FLUSH_MS);
}

/* KIND_COUNT: there is no such kind. */
static enum kind find_kind(const char *name)
{
	static const char *const names[KIND_COUNT] = {"same", "copied", "headed"};
	int kind = 0;

	while (kind < KIND_COUNT && strcmp(names[kind], name) != 0)
		kind++;
	return (enum kind)kind;
}

int main(int argc, char **argv)
{
	static char payload[SIZE_MAX_BYTES];
	struct counts counts = {0};
	uint64_t count, size, start_ns;
	rd_kafka_resp_err_t error;
	rd_kafka_topic_t *topic;
	rd_kafka_t *client;

	if (argc < 6 || find_kind(argv[3]) == KIND_COUNT || units_parse_count(argv[4], &count) < 0 ||
	    units_parse_count(argv[5], &size) < 0 || size > sizeof(payload)) {
		fprintf(stderr,
		        "usage: bare_producer BROKERS TOPIC same|copied|headed MESSAGES BYTES [NAME=VALUE...]\n");
		return 1;
	}
	client = make_client(argv[1], argv + 6, argc - 6, &counts);
	topic = client ? rd_kafka_topic_new(client, argv[2], NULL) : NULL;
	if (!topic)
		return 1;
	for (size_t i = 0; i < size; i++)
		payload[i] = (char)(i * 31);
	start_ns = clock_now_ns();
	error = send_all(client, topic, find_kind(argv[3]), payload, size, count);
	printf("%llu %.6f\n", (unsigned long long)counts.delivered, (double)(clock_now_ns() - start_ns) / NS_PER_S);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
	if (error || counts.failed > 0 || counts.delivered != count) {
		fprintf(stderr, "%s; %llu failed\n", rd_kafka_err2str(error), (unsigned long long)counts.failed);
		return 1;
	}
	return 0;
}
