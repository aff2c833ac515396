/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka consumer on its way in and out.
 *
 * librdkafka wants a group's name for every consumer. Without a group of the plan's it gets a name that nobody else
 * has, and commits nothing, so that no broker ever hears of it. */
#include "agent/drivers/kafka/consumer_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/drivers/kafka/consumer_topics.h"
#include "agent/drivers/kafka/property.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

#define METADATA_AGAIN_NS (500 * NS_PER_MS) /* before a topic that isn't there is looked for again */
/* For a group's coordinator to take note. Also where no broker is in reach: librdkafka waits for its requests without a
 * pause once it is destroyed. */
#define CLOSE_PATIENCE_NS (UINT64_C(10) * NS_PER_S)
#define CLOSE_LOOK_MS 100

struct consumer_client {
	struct consumer_client_config config;
	char *group_id;
	rd_kafka_conf_t *conf; /* until the client is made of it */
	rd_kafka_t *handle;    /* the starter's alone until it is ready */
	rd_kafka_queue_t *queue;
	int event_fd;
	uint64_t since_ns;
	pthread_t starter;
	pthread_t closer;
	_Bool starting; /* the threads are there to be joined */
	_Bool closing;
	atomic_bool left; /* nobody is to be called any more */

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t unwanted;
	enum consumer_client_state state;
	_Bool given_up; /* it is to be closed before it was ready */
	rd_kafka_resp_err_t trouble;
};

DEFINE_CLEANUP(struct consumer_client *, consumer_client_free)

/* News. */

static void ring(const struct consumer_client *client)
{
	uint64_t one = 1;

	while (write(client->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void set_state(struct consumer_client *client, enum consumer_client_state state)
{
	pthread_mutex_lock(&client->mutex);
	client->state = state;
	pthread_mutex_unlock(&client->mutex);
}

enum consumer_client_state consumer_client_state(struct consumer_client *client)
{
	enum consumer_client_state state;

	pthread_mutex_lock(&client->mutex);
	state = client->state;
	pthread_mutex_unlock(&client->mutex);
	return state;
}

static void set_trouble(struct consumer_client *client, rd_kafka_resp_err_t error)
{
	pthread_mutex_lock(&client->mutex);
	client->trouble = error;
	pthread_mutex_unlock(&client->mutex);
}

rd_kafka_resp_err_t consumer_client_trouble(struct consumer_client *client)
{
	rd_kafka_resp_err_t error;

	pthread_mutex_lock(&client->mutex);
	error = client->trouble;
	pthread_mutex_unlock(&client->mutex);
	return error;
}

rd_kafka_t *consumer_client_handle(struct consumer_client *client)
{
	return client->handle;
}

int consumer_client_fd(const struct consumer_client *client)
{
	return client->event_fd;
}

uint64_t consumer_client_since_ns(const struct consumer_client *client)
{
	return client->since_ns;
}

/* What librdkafka calls. */

/* From syslog's levels; what librdkafka calls an error is a target's, not ours. */
static enum log_level level_of(int level)
{
	if (level <= 4)
		return LOG_WARNING;
	return level <= 6 ? LOG_INFO : LOG_DEBUG;
}

static void take_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	const struct consumer_client *client = rd_kafka_opaque(handle);

	if (!property_is_others(facility, text))
		log_write(client->config.driver->log, level_of(level), "librdkafka: %s: %s", facility, text);
}

static void change_assignment(rd_kafka_t *handle, _Bool assigned, rd_kafka_topic_partition_list_t *partitions)
{
	const char *protocol = rd_kafka_rebalance_protocol(handle);
	rd_kafka_error_t *error = NULL;

	if (strcmp(protocol, "COOPERATIVE") != 0)
		rd_kafka_assign(handle, assigned ? partitions : NULL);
	else if (assigned)
		error = rd_kafka_incremental_assign(handle, partitions);
	else
		error = rd_kafka_incremental_unassign(handle, partitions);
	if (error)
		rd_kafka_error_destroy(error);
}

static void take_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                           void *opaque)
{
	struct consumer_client *client = opaque;
	_Bool assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

	change_assignment(handle, assigned, partitions);
	if (atomic_load(&client->left))
		return;
	if (assigned)
		client->config.assigned(client->config.context, partitions->cnt, clock_now_ns());
	else
		client->config.revoked(client->config.context, clock_now_ns());
}

static void take_error(rd_kafka_t *handle, int error, const char *words, void *opaque)
{
	struct consumer_client *client = opaque;

	(void)handle;
	if (!atomic_load(&client->left))
		client->config.failed(client->config.context, (rd_kafka_resp_err_t)error, words);
}

static int take_statistics(rd_kafka_t *handle, char *json, size_t size, void *opaque)
{
	struct consumer_client *client = opaque;

	(void)handle;
	(void)size;
	if (!atomic_load(&client->left))
		client->config.told(client->config.context, json);
	return 0; /* librdkafka frees it */
}

/* Configuration. */

/* What we set before the plan's properties. */
static const struct {
	const char *name, *value;
} defaults[] = {
        {"client.id", "stampede"},
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "1000"}, /* a broker that is back is used again soon */
        {"log.connection.close", "false"},    /* brokers close idle connections */
        /* What one may fetch ahead; librdkafka's 64 MiB are for an application with a few. */
        {"queued.max.messages.kbytes", "16384"},
};

/* What the step says holds over the target's properties. */
static int set_step(rd_kafka_conf_t *conf, const struct consumer_client *client, struct failure *failure)
{
	const struct consume_step *step = client->config.step;
	const struct {
		const char *name, *value;
	} pairs[] = {
	        {"group.id", client->group_id},
	        {"auto.offset.reset", step->from == CONSUME_FROM_BEGINNING ? "earliest" : "latest"},
	        {"isolation.level", step->isolation == CONSUME_UNCOMMITTED ? "read_uncommitted" : "read_committed"},
	        {"enable.auto.commit", step->commit == CONSUME_COMMIT_AUTO ? "true" : "false"},
	        /* They also tell that brokers are in reach again, which librdkafka says nowhere else. */
	        {"statistics.interval.ms", client->config.watches ? "1000" : "5000"},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(pairs) / sizeof(*pairs); i++)
		r = property_set(conf, pairs[i].name, pairs[i].value, failure);
	return r;
}

/* On the worker's thread, which alone may ask for secrets. */
static int make_conf(struct consumer_client *client, struct failure *failure)
{
	const struct driver_config *driver = client->config.driver;
	rd_kafka_conf_t *conf = client->conf = rd_kafka_conf_new();
	int r;

	if (!conf)
		return failure_set(failure, -ENOMEM, "no memory");
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, take_log);
	rd_kafka_conf_set_rebalance_cb(conf, take_rebalance);
	rd_kafka_conf_set_error_cb(conf, take_error);
	rd_kafka_conf_set_stats_cb(conf, take_statistics);
	r = property_set(conf, "bootstrap.servers", driver->target->kafka.brokers, failure);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && r == 0; i++)
		r = property_set(conf, defaults[i].name, defaults[i].value, failure);
	if (r == 0)
		r = properties_set(conf, driver, failure);
	return r < 0 ? r : set_step(conf, client, failure);
}

/* Starting. */

/* Whether it is still wanted after a while. */
static _Bool wait_a_while(struct consumer_client *client)
{
	struct timespec until = clock_timespec(clock_now_ns() + METADATA_AGAIN_NS);
	_Bool wanted;
	int r = 0;

	pthread_mutex_lock(&client->mutex);
	while (!client->given_up && r == 0)
		r = pthread_cond_timedwait(&client->unwanted, &client->mutex, &until);
	wanted = !client->given_up;
	pthread_mutex_unlock(&client->mutex);
	return wanted;
}

/* What is read is known: until then it tries again and again, as a topic may be made at any time. */
static void find_what_to_read(struct consumer_client *client)
{
	rd_kafka_resp_err_t error;

	do {
		error = consumer_topics_take(client->handle, client->config.step, client->config.index,
		                             client->config.count);
		set_trouble(client, error);
	} while (error && wait_a_while(client));
}

static _Bool make_handle(struct consumer_client *client)
{
	static const uint64_t one = 1;
	char problem[512] = "";

	client->handle = rd_kafka_new(RD_KAFKA_CONSUMER, client->conf, problem, sizeof(problem));
	if (!client->handle) {
		set_trouble(client, RD_KAFKA_RESP_ERR__INVALID_ARG);
		log_write(client->config.driver->log, LOG_ERROR, "target %s: no consumer: %s",
		          client->config.driver->target->name, problem);
		return 0;
	}
	client->conf = NULL;
	rd_kafka_poll_set_consumer(client->handle);
	client->queue = rd_kafka_queue_get_consumer(client->handle);
	rd_kafka_queue_io_event_enable(client->queue, client->event_fd, &one, sizeof(one));
	client->since_ns = clock_now_ns();
	return 1;
}

static void *start(void *context)
{
	struct consumer_client *client = context;

	if (!make_handle(client)) {
		ring(client);
		return NULL;
	}
	set_state(client, CLIENT_READY);
	/* What came before it was ready has been written for, and not been polled. */
	ring(client);
	find_what_to_read(client);
	return NULL;
}

/* Closing. */

/* A rebalance is an event here: a queue that is polled for events calls nothing back, and the group's last revocation
 * waits for its end. Messages have not been read, and are not committed. */
static void take_last(rd_kafka_t *handle, rd_kafka_event_t *event)
{
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
		change_assignment(handle, rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS,
		                  rd_kafka_event_topic_partition_list(event));
	rd_kafka_event_destroy(event);
}

static _Bool take_leave(struct consumer_client *client)
{
	uint64_t deadline_ns = clock_now_ns() + CLOSE_PATIENCE_NS;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client->handle);
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(client->handle, queue);
	_Bool closed;

	if (error)
		rd_kafka_error_destroy(error);
	while (!(closed = rd_kafka_consumer_closed(client->handle)) && !error && clock_now_ns() < deadline_ns) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CLOSE_LOOK_MS);

		if (event)
			take_last(client->handle, event);
	}
	rd_kafka_queue_destroy(queue);
	return closed;
}

static void *finish(void *context)
{
	struct consumer_client *client = context;
	_Bool closed = 0;

	if (client->starting)
		pthread_join(client->starter, NULL);
	client->starting = 0;
	if (client->queue) {
		rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(client->queue);
	}
	if (client->handle) {
		closed = take_leave(client);
		rd_kafka_destroy_flags(client->handle, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	}
	set_state(client, CLIENT_CLOSED);
	return NULL;
}

void consumer_client_close(struct consumer_client *client)
{
	atomic_store(&client->left, 1);
	pthread_mutex_lock(&client->mutex);
	client->given_up = 1;
	pthread_cond_signal(&client->unwanted);
	pthread_mutex_unlock(&client->mutex);
	client->closing = pthread_create(&client->closer, NULL, finish, client) == 0;
	if (!client->closing)
		finish(client); /* without a thread it takes its time here */
}

/* Making and unmaking. */

struct consumer_client *consumer_client_free(struct consumer_client *client)
{
	if (!client)
		return NULL;
	if (client->closing)
		pthread_join(client->closer, NULL);
	if (client->event_fd >= 0)
		close(client->event_fd);
	if (client->conf)
		rd_kafka_conf_destroy(client->conf);
	pthread_cond_destroy(&client->unwanted);
	pthread_mutex_destroy(&client->mutex);
	free(client->group_id);
	free(client);
	return NULL;
}

int consumer_client_new(const struct consumer_client_config *config, struct failure *failure,
                        struct consumer_client **ret_client)
{
	cleanup(consumer_client_freep) struct consumer_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return failure_set(failure, -ENOMEM, "no memory");
	client->config = *config;
	client->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&client->mutex, NULL);
	clock_condition_init(&client->unwanted);
	client->group_id = strdup(config->group_id);
	if (!client->group_id)
		return failure_set(failure, -ENOMEM, "no memory");
	if (client->event_fd < 0)
		return failure_set(failure, -errno, "no descriptor for a consumer: %s", strerrordesc_np(errno));
	r = make_conf(client, failure);
	if (r < 0)
		return r;
	r = -pthread_create(&client->starter, NULL, start, client);
	if (r < 0)
		return failure_set(failure, r, "no thread for a consumer: %s", strerrordesc_np(-r));
	client->starting = 1;
	*ret_client = steal(client);
	return 0;
}
