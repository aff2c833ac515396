/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka client in a loop. */
#include "agent/drivers/kafka/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int watch(struct handle *handle, struct loop *loop, loop_ready_fn ready, void *context)
{
	static const uint64_t one = 1;

	handle->queue = rd_kafka_queue_get_main(handle->client);
	handle->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (handle->event_fd < 0)
		return -errno;
	rd_kafka_queue_io_event_enable(handle->queue, handle->event_fd, &one, sizeof(one));
	/* What came since the client was made has not been written for. */
	if (write(handle->event_fd, &one, sizeof(one)) < 0)
		return -errno;
	return loop_watch(loop, handle->event_fd, EPOLLIN, ready, context);
}

int handle_open(struct handle *handle, rd_kafka_conf_t *conf, struct loop *loop, loop_ready_fn ready, void *context,
                struct failure *failure)
{
	char problem[512] = "";
	int r;

	*handle = (struct handle){.event_fd = -1};
	handle->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	if (!handle->client) {
		rd_kafka_conf_destroy(conf);
		return failure_set(failure, -EINVAL, "%s", problem);
	}
	r = watch(handle, loop, ready, context);
	if (r < 0) {
		handle_close(handle, loop);
		return failure_set(failure, r, "no descriptor: %s", strerrordesc_np(-r));
	}
	return 0;
}

/* Nothing of it is in the loop any more. */
static void leave_loop(struct handle *handle, struct loop *loop)
{
	if (handle->transactor)
		transactor_dismiss(handle->transactor);
	if (handle->event_fd >= 0)
		loop_unwatch(loop, handle->event_fd);
}

static void release(struct handle *handle)
{
	transactor_free(handle->transactor);
	topics_deinit(&handle->topics);
	if (handle->queue) {
		rd_kafka_queue_io_event_enable(handle->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(handle->queue);
	}
	rd_kafka_destroy(handle->client);
	if (handle->event_fd >= 0)
		close(handle->event_fd);
}

void handle_close(struct handle *handle, struct loop *loop)
{
	if (!handle->client)
		return;
	leave_loop(handle, loop);
	release(handle);
	*handle = (struct handle){.event_fd = -1};
}

/* Ends. */

struct grave {
	struct grave *next;
	struct handle handle;
	pthread_t thread;
};

static void *bury(void *context)
{
	struct grave *grave = context;

	release(&grave->handle);
	return NULL;
}

/* Those that are over, which cost a thread's stack until they are looked at. */
static void reap(struct graves *graves)
{
	struct grave **at = &graves->first;

	while (*at) {
		struct grave *grave = *at;

		if (pthread_tryjoin_np(grave->thread, NULL) != 0) {
			at = &grave->next;
			continue;
		}
		*at = grave->next;
		free(grave);
	}
}

void graves_add(struct graves *graves, struct handle *handle, struct loop *loop)
{
	struct grave *grave = malloc(sizeof(*grave));

	reap(graves);
	if (!handle->client) {
		free(grave);
		return;
	}
	leave_loop(handle, loop);
	if (grave)
		grave->handle = *handle;
	if (!grave || pthread_create(&grave->thread, NULL, bury, grave) != 0) {
		free(grave);
		release(handle);
	} else {
		grave->next = graves->first;
		graves->first = grave;
	}
	*handle = (struct handle){.event_fd = -1};
}

void graves_deinit(struct graves *graves)
{
	while (graves->first) {
		struct grave *grave = graves->first;

		graves->first = grave->next;
		pthread_join(grave->thread, NULL);
		free(grave);
	}
}
