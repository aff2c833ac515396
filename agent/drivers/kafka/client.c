/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka client for what duties ask a cluster. It is made as a consumer's, which never makes a topic by asking
 * for it. */
#include "agent/drivers/kafka/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/property.h"

/* What we set before the plan's properties. */
static const struct client_property defaults[] = {
        {"client.id", "stampede-duty"},
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "1000"},
        {"log.connection.close", "false"},
        {NULL, NULL},
};

/* And after them: nothing of ours is kept at the brokers. */
static const struct client_property fixed[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"allow.auto.create.topics", "false"},
        {"statistics.interval.ms", "0"},
        {NULL, NULL},
};

/* From syslog's levels; what librdkafka calls an error is a target's, not ours. That a producer's properties are none
 * of a consumer's is no news. */
static void take_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	const struct client *client = rd_kafka_opaque(handle);
	enum log_level of = strcmp(facility, "CONFWARN") == 0 ? LOG_DEBUG
	                    : level <= 4                      ? LOG_WARNING
	                    : level <= 6                      ? LOG_INFO
	                                                      : LOG_DEBUG;

	log_write(client->log, of, "librdkafka: %s: %s", facility, text);
}

/* "All brokers are down" says less than what was said of one before. */
static void take_error(rd_kafka_t *handle, int error, const char *reason, void *context)
{
	struct client *client = context;

	(void)handle;
	if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !client->trouble[0])
		kafka_error_words(reason, client->trouble, sizeof(client->trouble));
}

static int set_all(rd_kafka_conf_t *conf, const struct client_property *properties, struct failure *failure)
{
	int r = 0;

	for (; r == 0 && properties && properties->name; properties++)
		r = property_set(conf, properties->name, properties->value, failure);
	return r;
}

static int configure(rd_kafka_conf_t *conf, const struct driver_config *config, const struct client_property *own,
                     struct failure *failure)
{
	int r = property_set(conf, "bootstrap.servers", config->target->kafka.brokers, failure);

	if (r == 0)
		r = set_all(conf, defaults, failure);
	if (r == 0)
		r = properties_set(conf, config, failure);
	if (r == 0)
		r = set_all(conf, fixed, failure);
	return r < 0 ? r : set_all(conf, own, failure);
}

int client_open(struct client *client, const struct driver_config *config, const struct client_property *own,
                struct failure *failure)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char problem[512] = "";
	int r;

	if (!conf)
		return failure_set(failure, -ENOMEM, "no memory");
	*client = (struct client){.log = config->log};
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, take_log);
	rd_kafka_conf_set_error_cb(conf, take_error);
	r = configure(conf, config, own, failure);
	if (r == 0) {
		client->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, problem, sizeof(problem));
		if (!client->handle)
			r = failure_set(failure, -EINVAL, "%s", problem);
	}
	if (r < 0)
		rd_kafka_conf_destroy(conf);
	return r;
}

void client_close(struct client *client)
{
	if (client->handle)
		rd_kafka_destroy(client->handle);
	client->handle = NULL;
}

void client_poll(struct client *client)
{
	while (rd_kafka_poll(client->handle, 0) > 0)
		;
}

void client_note(struct client *client, rd_kafka_resp_err_t error)
{
	if (error && (error != RD_KAFKA_RESP_ERR__TIMED_OUT || !client->trouble[0]))
		snprintf(client->trouble, sizeof(client->trouble), "%s", rd_kafka_err2str(error));
}

rd_kafka_resp_err_t client_topic(struct client *client, const char *topic, int timeout_ms,
                                 const struct rd_kafka_metadata **ret_metadata)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client->handle, topic, NULL);
	rd_kafka_resp_err_t error;

	if (!handle)
		return rd_kafka_last_error();
	error = rd_kafka_metadata(client->handle, 0, handle, ret_metadata, timeout_ms);
	rd_kafka_topic_destroy(handle);
	return error;
}

rd_kafka_resp_err_t client_offsets(struct client *client, rd_kafka_topic_partition_list_t *partitions, int timeout_ms)
{
	return partitions->cnt == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR
	                            : rd_kafka_offsets_for_times(client->handle, partitions, timeout_ms);
}
