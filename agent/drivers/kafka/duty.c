/* SPDX-License-Identifier: Apache-2.0 */
/* Which duty it is, and what all have in common. */
#include "agent/drivers/kafka/duty.h"

#include <errno.h>
#include <poll.h>

#include "common/base/clock.h"

enum { LOOK_MS = 100 }; /* a duty hears this soon that it is cancelled */

int kafka_perform(const struct driver_config *config, struct duty_work *work)
{
	switch (work->duty->task) {
	case DUTY_TASK_TOPICS:
		return work->duty->kind == DUTY_SETUP ? admin_make_topics(config, work)
		                                      : admin_delete_topics(config, work);
	case DUTY_TASK_LAG:
		return lag_read(config, work);
	case DUTY_TASK_CLUSTER:
		return cluster_read(config, work);
	default:
		return -ENOSYS;
	}
}

void kafka_let_go(void *held)
{
	struct held *of = held;

	of->release(of);
}

_Bool duty_is_cancelled(const struct duty_work *work, int timeout_ms)
{
	return poll(&(struct pollfd){.fd = work->cancel_fd, .events = POLLIN}, 1, timeout_ms) > 0;
}

rd_kafka_event_t *duty_await_event(const struct duty_work *work, rd_kafka_queue_t *queue, int timeout_ms)
{
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	rd_kafka_event_t *event = NULL;

	while (!event && clock_now_ns() < deadline_ns && !duty_is_cancelled(work, 0))
		event = rd_kafka_queue_poll(queue, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS);
	return event;
}

void duty_fail(struct duty_work *work, const struct client *client, const char *what, rd_kafka_resp_err_t error,
               const char *text)
{
	_Bool no_answer = error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
	                  error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;

	if (no_answer && client->trouble[0])
		text = client->trouble;
	duty_work_fail(work, "%s: %s", what, text ? text : rd_kafka_err2str(error));
}
