/* SPDX-License-Identifier: Apache-2.0 */
/* Performs the agent's duties on a thread of their own. */
#include "agent/duties.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/duty_news.h"
#include "agent/rota.h"
#include "agent/secrets.h"
#include "common/base/array.h"
#include "common/base/clock.h"

struct duties {
	struct duties_config config;
	struct secrets *secrets; /* the thread's */
	struct random random;    /* the thread's */
	pthread_t thread;
	int cancel_fd;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	_Bool quit;
	struct rota rota;
	uint32_t running; /* PLAN_NONE: none */
	void **held;      /* by duty: what a reader keeps between readings; the thread's */
	_Bool *troubled;  /* by duty: a reader's last reading failed; likewise */
	struct template_value *values;
	uint32_t value_count;
	char **texts; /* of values that were found out here */
	size_t text_count;
	size_t text_capacity;
	struct duty_news news;

	struct duty_outcome told; /* the main thread's */
};

static void ring(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void quiet(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* On the thread; with the mutex held. */

static void wait_until(struct duties *duties, uint64_t at_ns)
{
	const struct timespec deadline = clock_timespec(at_ns);

	if (at_ns == CLOCK_NEVER)
		pthread_cond_wait(&duties->changed, &duties->mutex);
	else
		pthread_cond_timedwait(&duties->changed, &duties->mutex, &deadline);
}

static const struct driver_ops *ops_of(const struct duties *duties, const struct duty *duty)
{
	const struct plan *plan = duties->config.plan;

	return duties->config.drivers[duty->target == PLAN_NONE ? TARGET_NULL : plan->targets[duty->target].kind];
}

/* Releases what readers keep that were taken away, or of all. */
static void let_go(struct duties *duties, _Bool all)
{
	const struct plan *plan = duties->config.plan;

	for (uint32_t i = 0; i < plan->duty_count; i++) {
		void *held = duties->held[i];

		if (!held || (!all && rota_holds(&duties->rota, i)))
			continue;
		duties->held[i] = NULL;
		pthread_mutex_unlock(&duties->mutex);
		ops_of(duties, &plan->duties[i])->let_go(held);
		pthread_mutex_lock(&duties->mutex);
	}
}

/* Waits for something to do; PLAN_NONE: it is told to quit. */
static uint32_t await_duty(struct duties *duties)
{
	while (!duties->quit) {
		uint64_t wake_ns;
		uint32_t duty;

		let_go(duties, 0);
		duty = rota_next(&duties->rota, clock_now_ns(), &wake_ns);

		if (duty != PLAN_NONE)
			return duty;
		wait_until(duties, wake_ns);
	}
	return PLAN_NONE;
}

/* The steps after it can use the value at once. */
static int keep_value(struct duties *duties, const struct duty_value *value)
{
	uint32_t slot = template_names_find(duties->config.plan->names, value->name);
	char *text;

	if (slot >= duties->value_count)
		return 0;
	if (array_reserve(&duties->texts, &duties->text_capacity, duties->text_count, sizeof(char *)) < 0)
		return -ENOMEM;
	text = strdup(value->text);
	if (!text)
		return -ENOMEM;
	duties->texts[duties->text_count++] = text;
	duties->values[slot] = (struct template_value){.text = text, .size = strlen(text)};
	return 0;
}

static int settle_step(struct duties *duties, uint32_t duty, struct duty_work *work)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < work->value_count; i++)
		r = keep_value(duties, &work->values[i]);
	return r < 0 ? r : duty_news_add_outcome(&duties->news, duty, work);
}

/* Of a reader that fails again and again it is said once, and once that it is well again. */
static void tell_problem(struct duties *duties, uint32_t number, const char *problem)
{
	const struct duty *duty = &duties->config.plan->duties[number];
	_Bool before = duties->troubled[number];

	duties->troubled[number] = duty->kind == DUTY_READER && problem[0];
	if (problem[0] && !before)
		log_write(duties->config.log, LOG_WARNING, "%s: %s", duty->name, problem);
	else if (!problem[0] && before)
		log_write(duties->config.log, LOG_INFO, "%s: it can read again", duty->name);
}

static void settle(struct duties *duties, uint32_t number, uint32_t given, struct duty_work *work)
{
	const struct duty *duty = &duties->config.plan->duties[number];
	int r;

	duties->held[number] = work->held;
	if (!rota_settle(&duties->rota, number, given, work->problem[0] != '\0', clock_now_ns()))
		return;
	tell_problem(duties, number, work->problem);
	r = duty->kind == DUTY_READER ? duty_news_add_readings(&duties->news, work) : settle_step(duties, number, work);
	if (r < 0)
		log_write(duties->config.log, LOG_ERROR, "%s: what came of it is lost: %s", duty->name,
		          strerrordesc_np(-r));
	if (duty->kind != DUTY_READER)
		ring(duties->config.doorbell);
}

/* On the thread, without the mutex. */

static void perform(struct duties *duties, const struct duty *duty, const struct template_value *values,
                    uint32_t value_count, struct duty_work *work)
{
	const struct duties_config *config = &duties->config;
	const struct target *target = duty->target == PLAN_NONE ? NULL : &config->plan->targets[duty->target];
	const struct driver_ops *ops = ops_of(duties, duty);
	const struct driver_config driver = {
	        .plan = config->plan,
	        .target = target,
	        .log = config->log,
	        .agent_name = config->agent_name,
	        .run_id = config->run_id,
	        .secret = secrets_get,
	        .secret_context = duties->secrets,
	};
	const struct template_scope scope = {
	        .agent = config->agent_name,
	        .random = &duties->random,
	        .values = values,
	        .value_count = value_count,
	        .secret = secrets_get,
	        .secret_context = duties->secrets,
	};
	int r;

	work->duty = duty;
	work->scope = &scope;
	work->cancel_fd = duties->cancel_fd;
	r = ops && ops->perform ? ops->perform(&driver, work) : -ENOSYS;
	if (r < 0)
		duty_work_fail(work, "%s", strerrordesc_np(-r));
}

/* Performs one duty; the mutex is held before and after. */
static void perform_next(struct duties *duties, uint32_t number)
{
	const struct duty *duty = &duties->config.plan->duties[number];
	struct template_value *values = calloc(duties->value_count + 1, sizeof(*values));
	uint32_t given = rota_given(&duties->rota, number);
	struct duty_work work = {.held = duties->held[number]};

	if (values)
		memcpy(values, duties->values, duties->value_count * sizeof(*values));
	duties->running = number;
	pthread_mutex_unlock(&duties->mutex);
	if (values)
		perform(duties, duty, values, duties->value_count, &work);
	else
		duty_work_fail(&work, "no memory");
	pthread_mutex_lock(&duties->mutex);
	duties->running = PLAN_NONE;
	settle(duties, number, given, &work);
	quiet(duties->cancel_fd);
	duty_work_deinit(&work);
	free(values);
}

static void *work(void *context)
{
	struct duties *duties = context;

	pthread_mutex_lock(&duties->mutex);
	for (uint32_t next = await_duty(duties); next != PLAN_NONE; next = await_duty(duties))
		perform_next(duties, next);
	let_go(duties, 1);
	pthread_mutex_unlock(&duties->mutex);
	return NULL;
}

/* On the main thread. */

static void release(struct duties *duties)
{
	for (size_t i = 0; i < duties->text_count; i++)
		free(duties->texts[i]);
	duty_news_deinit(&duties->news);
	duty_outcome_deinit(&duties->told);
	free(duties->texts);
	free(duties->values);
	free(duties->held);
	free(duties->troubled);
	rota_deinit(&duties->rota);
	secrets_free(duties->secrets);
	if (duties->cancel_fd >= 0)
		close(duties->cancel_fd);
	free(duties);
}

static void init_values(struct duties *duties)
{
	const struct plan *plan = duties->config.plan;

	for (uint32_t i = 0; i < plan->variables.count; i++) {
		const struct pair *pair = &plan->variables.items[i];
		uint32_t slot = template_names_find(plan->names, pair->name);

		if (slot < duties->value_count)
			duties->values[slot] =
			        (struct template_value){.text = pair->value, .size = strlen(pair->value)};
	}
}

static int start_thread(struct duties *duties)
{
	int r;

	pthread_mutex_init(&duties->mutex, NULL);
	clock_condition_init(&duties->changed);
	r = pthread_create(&duties->thread, NULL, work, duties);
	if (r == 0)
		return 0;
	pthread_cond_destroy(&duties->changed);
	pthread_mutex_destroy(&duties->mutex);
	return -r;
}

int duties_new(const struct duties_config *config, struct duties **ret_duties)
{
	struct duties *duties = calloc(1, sizeof(*duties));
	uint64_t seed;
	int r;

	if (!duties)
		return -ENOMEM;
	duties->config = *config;
	duties->running = PLAN_NONE;
	duties->value_count = template_names_count(config->plan->names);
	duties->values = calloc(duties->value_count + 1, sizeof(*duties->values));
	duties->held = calloc(config->plan->duty_count + 1, sizeof(*duties->held));
	duties->troubled = calloc(config->plan->duty_count + 1, sizeof(*duties->troubled));
	duties->secrets = secrets_new(config->secrets_folder);
	duties->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	random_bytes(&seed, sizeof(seed));
	random_seed(&duties->random, seed);
	r = duties->cancel_fd < 0 ? -errno : rota_init(&duties->rota, config->plan);
	if (r == 0)
		r = duties->values && duties->held && duties->troubled && duties->secrets ? 0 : -ENOMEM;
	if (r == 0) {
		init_values(duties);
		r = start_thread(duties);
	}
	if (r < 0) {
		release(duties);
		return r;
	}
	*ret_duties = duties;
	return 0;
}

struct duties *duties_free(struct duties *duties)
{
	if (!duties)
		return NULL;
	pthread_mutex_lock(&duties->mutex);
	duties->quit = 1;
	ring(duties->cancel_fd);
	pthread_cond_signal(&duties->changed);
	pthread_mutex_unlock(&duties->mutex);
	pthread_join(duties->thread, NULL);
	pthread_cond_destroy(&duties->changed);
	pthread_mutex_destroy(&duties->mutex);
	release(duties);
	return NULL;
}

static _Bool is_named(const uint32_t *numbers, uint32_t count, uint32_t duty)
{
	for (uint32_t i = 0; i < count; i++) {
		if (numbers[i] == duty)
			return 1;
	}
	return 0;
}

void duties_set(struct duties *duties, const uint32_t *numbers, uint32_t count)
{
	pthread_mutex_lock(&duties->mutex);
	for (uint32_t i = 0; i < duties->config.plan->duty_count; i++) {
		if (is_named(numbers, count, i)) {
			rota_give(&duties->rota, i, clock_now_ns());
		} else if (rota_take_away(&duties->rota, i)) {
			duty_news_forget(&duties->news, i);
			if (duties->running == i)
				ring(duties->cancel_fd);
		}
	}
	pthread_cond_signal(&duties->changed);
	pthread_mutex_unlock(&duties->mutex);
}

void duties_set_values(struct duties *duties, const struct engine_value *values, size_t count)
{
	pthread_mutex_lock(&duties->mutex);
	for (size_t i = 0; i < count; i++)
		duties->values[values[i].slot] =
		        (struct template_value){.text = values[i].text, .size = strlen(values[i].text)};
	pthread_mutex_unlock(&duties->mutex);
}

_Bool duties_take_over(struct duties *duties, struct duty_over *ret_over)
{
	const struct duty_outcome *told = &duties->told;
	_Bool any;

	duty_outcome_deinit(&duties->told);
	pthread_mutex_lock(&duties->mutex);
	any = duty_news_take(&duties->news, &duties->told);
	pthread_mutex_unlock(&duties->mutex);
	if (any)
		*ret_over = (struct duty_over){
		        .duty = told->duty,
		        .problem = told->problem,
		        .values = told->values,
		        .value_count = told->value_count,
		};
	return any;
}

int duties_take_readings(struct duties *duties, int (*take)(void *context, const struct duty_reading *reading),
                         void *context)
{
	struct duty_news news;
	int r = 0;

	pthread_mutex_lock(&duties->mutex);
	news = (struct duty_news){.readings = duties->news.readings, .reading_count = duties->news.reading_count};
	duties->news.readings = NULL;
	duties->news.reading_count = duties->news.reading_capacity = 0;
	pthread_mutex_unlock(&duties->mutex);
	for (size_t i = 0; r == 0 && i < news.reading_count; i++)
		r = take(context, &news.readings[i]);
	duty_news_deinit(&news);
	return r;
}
