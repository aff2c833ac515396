/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that does what a test says. */
#include "tests/unit/agent/fake_driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/null/null.h"
#include "common/base/buffer.h"
#include "common/base/clock.h"

/* Drivers are found by a constant table, so there is no other way in. */
static struct fake_driver the_fake;

struct driver_session {
	uint64_t in_flight;
};

struct fake_driver *fake_reset(void)
{
	memset(&the_fake, 0, sizeof(the_fake));
	the_fake.capacity = UINT64_MAX;
	return &the_fake;
}

static void fake_version(char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s", "1");
}

static void finish(struct fake_driver *fake, uint32_t index, enum error_class error)
{
	struct operation *operation = fake->flying[index];

	fake->flying_count--;
	memmove(&fake->flying[index], &fake->flying[index + 1], (fake->flying_count - index) * sizeof(fake->flying[0]));
	if (operation->session)
		operation->session->in_flight--;
	operation->completed_ns = clock_now_ns();
	if (error != ERROR_NONE)
		operation_fail(operation, error, "FAKE", "as the test wants it");
	fake->unaccounted++;
	fake->complete(fake->context, operation);
}

void fake_complete(struct fake_driver *fake)
{
	finish(fake, 0, fake->error);
}

static void complete_all(struct fake_driver *fake)
{
	while (fake->flying_count > 0)
		fake_complete(fake);
}

static void kicked(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	complete_all(timer->context);
}

static int fake_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	(void)failure;
	the_fake.opened++;
	the_fake.config = config;
	the_fake.loop = config->loop;
	the_fake.complete = config->complete;
	the_fake.context = config->context;
	the_fake.kick = (struct loop_timer){.fire = kicked, .context = &the_fake};
	*ret_driver = (struct driver *)&the_fake;
	return 0;
}

static int fake_add_lane(struct driver *driver, uint32_t lane, struct failure *failure)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	(void)failure;
	assert(fake->lanes_added_count < sizeof(fake->lanes_added) / sizeof(fake->lanes_added[0]));
	fake->lanes_added[fake->lanes_added_count++] = lane;
	return 0;
}

static int fake_session_open(struct driver *driver, uint64_t vu, struct driver_session **ret_session)
{
	(void)driver;
	(void)vu;
	*ret_session = calloc(1, sizeof(**ret_session));
	the_fake.sessions++;
	the_fake.sessions_opened++;
	return 0;
}

static void fake_session_close(struct driver *driver, struct driver_session *session)
{
	(void)driver;
	assert(session->in_flight == 0);
	free(session);
	the_fake.sessions--;
}

static void keep_text(struct fake_driver *fake, const struct operation *operation)
{
	struct buffer buffer = {0};

	if (operation->step->kind != STEP_PRODUCE || !operation->step->produce.key ||
	    fake->submitted >= FAKE_OPERATIONS_MAX)
		return;
	template_render(operation->step->produce.key, operation->scope, &buffer, NULL);
	snprintf(fake->texts[fake->submitted], sizeof(fake->texts[0]), "%.*s", (int)buffer.size,
	         buffer.size ? (const char *)buffer.data : "");
	buffer_deinit(&buffer);
}

static int fake_submit(struct driver *driver, struct operation *operation)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	if (fake->fails_at_once) {
		operation_fail(operation, ERROR_DATA, "FAKE", "not set");
		return SUBMIT_FAILED;
	}
	if (operation->lane < sizeof(fake->busy) / sizeof(*fake->busy) && fake->busy[operation->lane])
		return SUBMIT_LATER;
	if (fake->flying_count >= fake->capacity) {
		fake->refused++;
		return SUBMIT_FULL;
	}
	assert(fake->flying_count < FAKE_OPERATIONS_MAX);
	keep_text(fake, operation);
	fake->flying[fake->flying_count++] = operation;
	fake->submitted++;
	fake->lanes[operation->lane]++;
	if (operation->session)
		operation->session->in_flight++;
	if (!fake->holds)
		return loop_timer_start(fake->loop, &fake->kick, 1);
	return SUBMIT_ACCEPTED;
}

static void fake_drain(struct driver *driver)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	if (fake->completes_at_drain)
		complete_all(fake);
}

static void fake_cancel(struct driver *driver, struct operation *operation)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	if (fake->cannot_cancel)
		return;
	for (uint32_t i = 0; i < fake->flying_count; i++) {
		if (fake->flying[i] == operation) {
			fake->cancelled++;
			finish(fake, i, ERROR_TIMEOUT);
			return;
		}
	}
	assert(!"cancelled what is not in flight");
}

static int fake_account(struct driver *driver, struct buffer *buffer)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	for (; fake->unaccounted > 0; fake->unaccounted--)
		buffer_append_byte(buffer, 'x');
	return buffer->failed;
}

static uint64_t fake_in_flight(const struct driver *driver)
{
	return ((const struct fake_driver *)driver)->flying_count;
}

static void fake_abandon(struct driver *driver)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	while (fake->flying_count > 0) {
		fake->abandoned++;
		finish(fake, 0, ERROR_TIMEOUT);
	}
}

static struct driver *fake_close(struct driver *driver)
{
	struct fake_driver *fake = (struct fake_driver *)driver;

	if (fake) {
		assert(fake->flying_count == 0);
		assert(fake->sessions == 0);
		loop_timer_stop(fake->loop, &fake->kick);
	}
	return NULL;
}

static const struct driver_ops fake_ops = {
        .kind = TARGET_KAFKA,
        .library = "fake",
        .library_version = fake_version,
        .open = fake_open,
        .add_lane = fake_add_lane,
        .session_open = fake_session_open,
        .session_close = fake_session_close,
        .submit = fake_submit,
        .drain = fake_drain,
        .cancel = fake_cancel,
        .account = fake_account,
        .in_flight = fake_in_flight,
        .abandon = fake_abandon,
        .close = fake_close,
};

const struct driver_ops *const fake_table[TARGET_KIND_COUNT] = {
        [TARGET_NULL] = &null_driver,
        [TARGET_KAFKA] = &fake_ops,
};
