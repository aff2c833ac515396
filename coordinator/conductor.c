/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one run. */
#include "coordinator/conductor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "coordinator/conductor_internal.h"
#include "coordinator/data_files.h"
#include "coordinator/print.h"

enum {
	COMPLAINTS_AT_ONCE = 100,
	MESSAGES_A_TURN = 256,
	CHILDREN_WAIT_MS = 3000,
	MISSING_SHOWN = 1000, /* agents of which something is missing, as far as the live line counts them */
};

#define COMPLAINT_NS NS_PER_S

/* Done agents go by themselves; those that a stop reached too. */
static void end_children(struct conductor *conductor)
{
	sigset_t set;

	conductor_ending_signals(&set);
	if (conductor->signals >= 0)
		(void)signalfd(conductor->signals, &set, 0);
	local_agents_stop(conductor->children, conductor->interrupts > 1 ? 0 : CHILDREN_WAIT_MS, conductor->signals);
	conductor->children = NULL;
}

static void log_refused(const struct conductor *conductor)
{
	uint64_t refused = conductor->link ? link_counters(conductor->link).refused : 0;

	if (refused)
		log_write(conductor->config.log, LOG_WARNING, "refused in all: %llu messages and peers",
		          (unsigned long long)refused);
}

static void conductor_deinit(struct conductor *conductor)
{
	log_refused(conductor);
	progress_clear(conductor->progress);
	end_children(conductor);
	run_free(conductor->run);
	journal_close(conductor->journal);
	link_close(conductor->link);
	progress_free(conductor->progress);
	data_files_free(conductor->files, conductor->config.plan ? conductor->config.plan->feed_count : 0);
	free(conductor->keys_path);
	if (conductor->signals >= 0)
		close(conductor->signals);
}

int conductor_write(struct conductor *conductor, const struct journal_record *record)
{
	int r = journal_append(conductor->journal, record, conductor->failure);

	if (r < 0) {
		log_write(conductor->config.log, LOG_ERROR, "%s", conductor->failure->text);
		return r;
	}
	if (record->type == JOURNAL_STATE)
		log_write(conductor->config.log, LOG_INFO, "state: %s", run_state_names[record->state.state]);
	return conductor->progress ? progress_record(conductor->progress, record) : 0;
}

void conductor_say(struct conductor *conductor, _Bool warning, const char *text)
{
	log_write(conductor->config.log, warning ? LOG_WARNING : LOG_INFO, "%s", text);
	if (conductor->config.quiet && !warning)
		return;
	progress_clear(conductor->progress);
	print_notice(text);
}

/* Of what any peer can cause, as often as it likes: logged now and then. */
static void complain(struct conductor *conductor, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct conductor *conductor, const char *format, ...)
{
	char text[FAILURE_TEXT_MAX], more[64] = "";
	uint64_t withheld;
	va_list arguments;

	if (!ration_take(&conductor->complaints, clock_now_ns(), COMPLAINT_NS, COMPLAINTS_AT_ONCE, &withheld))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (withheld > 0)
		snprintf(more, sizeof(more), " (and %llu more of such lines)", (unsigned long long)withheld);
	log_write(conductor->config.log, LOG_WARNING, "%s, ignoring%s", text, more);
}

int conductor_take_effect(void *context, const struct run_effect *effect)
{
	struct conductor *conductor = context;
	int r = 0;

	switch (effect->type) {
	case RUN_JOURNAL:
		return conductor_write(conductor, effect->record);
	case RUN_SEND:
		if (!conductor->link) /* what is left is to be reported alone */
			return 0;
		r = link_send(conductor->link, effect->message);
		if (r < 0)
			complain(conductor, "%s not sent to an agent: %s", message_type_names[effect->message->type],
			         strerror(-r));
		return r;
	case RUN_TELL:
		conductor_say(conductor, effect->warning, effect->text);
	}
	return r;
}

static int take_messages(struct conductor *conductor)
{
	struct failure failure;
	struct message message;
	int r = 0;

	for (int i = 0; r == 0 && i < MESSAGES_A_TURN; i++) {
		failure = (struct failure){0};
		r = link_receive(conductor->link, &message, &failure);
		if (r == -EAGAIN)
			return 0;
		if (r == -EBADMSG) {
			complain(conductor, "a message is refused: %s", failure.text);
			r = 0;
			continue;
		}
		if (r == -EACCES) {
			log_write(conductor->config.log, LOG_WARNING, "%s", failure.text);
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		r = run_message(conductor->run, &message, conductor_now_ns(conductor));
		message_deinit(&message);
	}
	return r;
}

static int take_signals(struct conductor *conductor)
{
	struct signalfd_siginfo info;
	int r = 0;

	while (r == 0 && read(conductor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		conductor->interrupts++;
		conductor_say(conductor, 0,
		              conductor->interrupts == 1 ? "stopping; once more to end at once" : "ending at once");
		r = conductor->interrupts == 1 ? run_interrupt(conductor->run, conductor_now_ns(conductor))
		                               : run_end_now(conductor->run, conductor_now_ns(conductor));
	}
	return r;
}

static int take_ends(struct conductor *conductor)
{
	struct local_agent_end end;
	int r = 0;

	while (r == 0 && local_agents_reap(conductor->children, &end)) {
		/* What it sent before it ended comes first. */
		r = take_messages(conductor);
		if (r == 0)
			r = run_child_exited(conductor->run, end.pid, end.text, conductor_now_ns(conductor));
	}
	return r;
}

static void draw(struct conductor *conductor, uint64_t now_ns)
{
	struct roster *roster = run_roster(conductor->run);
	uint64_t t0_ns = run_t0_ns(conductor->run);
	struct run_missing missing[MISSING_SHOWN];
	uint32_t count;

	if (!conductor->progress || now_ns < conductor->next_draw_ns || !t0_ns || now_ns < t0_ns)
		return;
	count = run_missing(conductor->run, now_ns, missing, MISSING_SHOWN);
	progress_draw(conductor->progress, now_ns - t0_ns,
	              &(struct progress_agents){.there = roster_count(roster) - roster_count_in(roster, AGENT_LOST),
	                                        .all = roster_count(roster),
	                                        .verifying = run_is_verifying(conductor->run),
	                                        .missing = missing,
	                                        .missing_count = count < MISSING_SHOWN ? count : MISSING_SHOWN});
	conductor->next_draw_ns = now_ns + NS_PER_S;
}

static int timeout_ms(const struct conductor *conductor, uint64_t now_ns)
{
	uint64_t next_ns = run_next_ns(conductor->run);
	uint64_t most_ns = now_ns + NS_PER_S;

	next_ns = next_ns < most_ns ? next_ns : most_ns;
	return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int conduct(struct conductor *conductor)
{
	struct pollfd ready[] = {{.fd = conductor->signals, .events = POLLIN},
	                         {.fd = local_agents_fd(conductor->children), .events = POLLIN}};
	int r = 0;

	while (r == 0 && run_state(conductor->run) < RUN_REPORTING) {
		r = link_wait(conductor->link, ready, 2, timeout_ms(conductor, conductor_now_ns(conductor)));
		if (r == 0)
			r = take_messages(conductor);
		if (r == 0)
			r = take_signals(conductor);
		if (r == 0)
			r = take_ends(conductor);
		if (r == 0)
			r = run_tick(conductor->run, conductor_now_ns(conductor));
		draw(conductor, conductor_now_ns(conductor));
	}
	return r;
}

int conductor_carry_out(struct conductor *conductor, int r, struct conductor_result *ret_result)
{
	struct run *run = conductor->run;

	if (r == 0)
		r = conduct(conductor);
	if (r == 0 && run_state(run) == RUN_REPORTING)
		r = run_reported(run, conductor_now_ns(conductor));
	if (r < 0 && run)
		run_abandon(run, conductor_now_ns(conductor));
	if (run) {
		if (run_stop_text(run)[0])
			log_write(conductor->config.log, LOG_INFO, "ended early: %s", run_stop_text(run));
		*ret_result = (struct conductor_result){.started = run_started(run), .cause = run_stop_cause(run)};
		snprintf(ret_result->text, sizeof(ret_result->text), "%s", run_stop_text(run));
	}
	if (r < 0 && !conductor->failure->code)
		failure_set(conductor->failure, r, "the run can't go on: %s", strerror(-r));
	conductor_deinit(conductor);
	return r;
}
