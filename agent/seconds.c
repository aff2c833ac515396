/* SPDX-License-Identifier: Apache-2.0 */
/* The seconds of an engine: which one is being recorded, and how it is closed and handed over. */
#include "agent/seconds.h"

#include "agent/engine.h"
#include "common/base/clock.h"

enum { PULSE_MS = 100 }; /* how often the loop's punctuality is looked at */

static uint64_t since_start(const struct engine *engine, uint64_t at_ns)
{
	return at_ns > engine->t0_ns ? at_ns - engine->t0_ns : 0;
}

static void describe_scenario(const struct engine *engine, const struct runner *runner,
                              struct wire_scenario *ret_scenario)
{
	*ret_scenario = (struct wire_scenario){
	        .tally = runner->tally,
	        .running = runner->running,
	        .finished = runner->state == RUNNER_FINISHED,
	        .end_ns = runner->state == RUNNER_FINISHED ? since_start(engine, runner->finished_ns) : 0,
	};
}

static void record_vus(struct engine *engine, struct second *second, const struct runner *runner)
{
	uint64_t second_ns = engine->t0_ns + second->number * NS_PER_S;

	if (runner->state == RUNNER_RUNNING || runner->state == RUNNER_ENDING)
		engine_fail(engine, recorder_vus(second->recorder, runner->index, runner_is_warmup(runner, second_ns),
		                                 runner->vus_alive));
}

/* Fills in all but what was recorded. */
static void close_second(struct engine *engine, struct second *second)
{
	second->schedule_end_ns = 0;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		const struct runner *runner = &engine->runners[i];
		uint64_t end_ns = since_start(engine, runner->end_ns);

		record_vus(engine, second, runner);
		describe_scenario(engine, runner, &second->scenarios[i]);
		if (runner->state >= RUNNER_ENDING && end_ns > second->schedule_end_ns)
			second->schedule_end_ns = end_ns;
	}
	engine_fail(engine, targets_account(engine, &second->ledger));
	second->start_skew_ns = engine->seconds.start_skew_ns;
	second->stalled_ns = engine->seconds.stalled_ns;
	second->groups_folded = groups_folded(engine->groups);
	second->cpu_at_start_ns = engine->seconds.cpu_at_start_ns;
}

static void rotate(struct engine *engine, uint64_t at_ns)
{
	struct second *full = engine->seconds.current;
	struct second *fresh;
	uint64_t next = since_start(engine, at_ns) / NS_PER_S;

	engine->seconds.boundary_ns = engine->t0_ns + (next + 1) * NS_PER_S;
	close_second(engine, full);
	full->next = next;
	full->last = 0;
	fresh = engine->config.hand_over(engine->config.context, full);
	if (!fresh)
		return;
	fresh->number = next;
	engine->seconds.current = fresh;
}

struct recorder *engine_recorder(struct engine *engine, uint64_t at_ns)
{
	if (__builtin_expect(at_ns >= engine->seconds.boundary_ns, 0))
		rotate(engine, at_ns);
	return engine->seconds.current->recorder;
}

static void second_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	engine_recorder(engine, now_ns);
	engine_fail(engine, loop_timer_start(engine->loop, timer, engine->seconds.boundary_ns));
}

static void started(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	engine->seconds.start_skew_ns = now_ns - engine->t0_ns;
	engine->seconds.cpu_at_start_ns = clock_process_cpu_ns();
}

static void pulse_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;
	uint64_t late_ns = now_ns - timer->deadline_ns;

	if (late_ns > engine->seconds.stalled_ns)
		engine->seconds.stalled_ns = late_ns;
	engine_fail(engine, loop_timer_start(engine->loop, timer, now_ns + PULSE_MS * NS_PER_MS));
}

int seconds_init(struct engine *engine)
{
	struct seconds *seconds = &engine->seconds;

	seconds->boundary_ns = CLOCK_NEVER;
	seconds->boundary_timer = (struct loop_timer){.fire = second_fired, .context = engine};
	seconds->start_timer = (struct loop_timer){.fire = started, .context = engine};
	seconds->pulse_timer = (struct loop_timer){.fire = pulse_fired, .context = engine};
	return second_new(engine->plan, engine->groups, &seconds->current);
}

int seconds_start(struct engine *engine, uint64_t first)
{
	struct seconds *seconds = &engine->seconds;
	uint64_t pulse_ns = engine->t0_ns;
	int r = 0;

	seconds->current->number = first;
	seconds->boundary_ns = engine->t0_ns + (first + 1) * NS_PER_S;
	if (first == 0) {
		r = loop_timer_start(engine->loop, &seconds->start_timer, engine->t0_ns);
	} else {
		pulse_ns = clock_now_ns();
		seconds->cpu_at_start_ns = clock_process_cpu_ns();
	}
	if (r == 0)
		r = loop_timer_start(engine->loop, &seconds->boundary_timer, seconds->boundary_ns);
	if (r == 0)
		r = loop_timer_start(engine->loop, &seconds->pulse_timer, pulse_ns);
	return r;
}

void seconds_finish(struct engine *engine)
{
	struct seconds *seconds = &engine->seconds;
	struct second *last;

	engine_recorder(engine, clock_now_ns());
	last = seconds->current;
	close_second(engine, last);
	last->next = last->number + 1;
	last->last = 1;
	seconds->current = NULL;
	seconds->boundary_ns = CLOCK_NEVER;
	loop_timer_stop(engine->loop, &seconds->boundary_timer);
	loop_timer_stop(engine->loop, &seconds->start_timer);
	loop_timer_stop(engine->loop, &seconds->pulse_timer);
	engine->config.hand_over(engine->config.context, last);
}

void seconds_deinit(struct engine *engine)
{
	engine->seconds.current = second_free(engine->seconds.current);
}
