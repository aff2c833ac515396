/* SPDX-License-Identifier: Apache-2.0 */
/* The brokers' part of librdkafka's statistics.
 *
 * It comes first, always in the same order, and is read in place: the rest (each topic's partitions) can be a hundred
 * times as long, and this is the thread that sends. */
#include "agent/drivers/kafka/broker_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_MS 1000.0

/* What was measured since the statistics before: so many samples. */
struct window {
	double sum;
	double count;
};

/* What stands behind `name` before `end`, or NULL. */
static const char *find(const char *at, const char *end, const char *name)
{
	const char *found = memmem(at, (size_t)(end - at), name, strlen(name));

	return found ? found + strlen(name) : NULL;
}

static double number(const char *at, const char *end, const char *name)
{
	const char *found = find(at, end, name);

	return found ? strtod(found, NULL) : 0;
}

/* In librdkafka's unit; empty where there is no such window. */
static struct window read_window(const char *at, const char *end, const char *name)
{
	const char *start = find(at, end, name);
	const char *over = start ? memchr(start, '}', (size_t)(end - start)) : NULL;

	if (!over)
		return (struct window){0};
	return (struct window){.sum = number(start, over, "\"sum\":"), .count = number(start, over, "\"cnt\":")};
}

static void tell_mean(const struct driver_config *config, enum metric_id metric, const char *label, double sum,
                      double count)
{
	if (count > 0)
		config->gauge(config->context, metric, label, sum / count);
}

/* From behind a broker's "nodeid": to the next one's. A consumer's requests wait at the broker for messages: their
 * round trip says nothing of it. */
static void tell_broker(const struct driver_config *config, const char *at, const char *end, _Bool consumer)
{
	long id = strtol(at, NULL, 10);
	struct window queue, rtt, throttle;
	char label[24];

	/* Not one that is only an address yet, nor the connection for a group's or a transaction's coordinator, which
	 * waits inside its requests. */
	if (id < 0 || find(at, end, "\"source\":\"logical\""))
		return;
	snprintf(label, sizeof(label), "%ld", id);
	queue = read_window(at, end, "\"outbuf_latency\": {");
	rtt = read_window(at, end, "\"rtt\": {");
	throttle = read_window(at, end, "\"throttle\": {");
	tell_mean(config, METRIC_KAFKA_BROKER_QUEUE_TIME, label, queue.sum / US_PER_MS, queue.count);
	if (!consumer)
		tell_mean(config, METRIC_KAFKA_BROKER_RTT, label, rtt.sum / US_PER_MS, rtt.count);
	/* In ms; only answers that were held back are in it. */
	tell_mean(config, METRIC_KAFKA_THROTTLE_TIME, label, throttle.sum, rtt.count);
}

void broker_view_tell(const struct driver_config *config, const char *statistics)
{
	static const char node[] = "\"nodeid\":";
	const char *at = strstr(statistics, "\"brokers\":{");
	const char *end = at ? strstr(at, "}, \"topics\":{") : NULL;
	_Bool consumer;

	if (!end || !config->gauge)
		return;
	consumer = find(statistics, at, "\"type\": \"consumer\"") != NULL;
	at = find(at, end, node);
	while (at) {
		const char *next = find(at, end, node);

		tell_broker(config, at, next ? next : end, consumer);
		at = next;
	}
}
