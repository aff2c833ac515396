/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: carries out what its session decides. */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/crew.h"
#include "agent/disk.h"
#include "agent/session.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/link/link.h"

enum {
	MESSAGES_AT_ONCE = 64, /* received before workers and clock are looked at again */
	ANSWER_SECONDS = 5,    /* a coordinator may take, before the next address is tried */
};

#define SPOOL_MEMORY_BYTES (UINT32_C(64) << 20) /* a minute of a busy agent's snapshots */
#define SPOOL_DISK_BYTES (UINT64_C(1) << 30)    /* and a quarter of an hour of them */
#define CACHE_BYTES (UINT32_C(256) << 20)       /* of data files: one of the largest size */

enum watched { WATCH_DOORBELL, WATCH_SIGNAL, WATCH_COUNT };

struct agent {
	const struct agent_config *config;
	struct incarnation incarnation;
	struct link *link;
	struct session *session;
	struct crew *crew;
	struct disk_file *disk;
	struct snapshot *last; /* the run's last one, until its workers are done */
	int doorbell;
	uint32_t address;
	uint64_t connected_ns;
	struct failure *failure;
};

static int connect_link(struct agent *agent)
{
	const struct link_config config = {
	        .address = agent->config->addresses[agent->address],
	        .insecure = agent->config->insecure,
	        .keys = agent->config->keys,
	        .incarnation = agent->incarnation,
	};

	agent->link = link_close(agent->link);
	agent->connected_ns = clock_now_ns();
	return link_open(&config, agent->failure, &agent->link);
}

static int open_crew(struct agent *agent)
{
	const struct agent_config *from = agent->config;
	const struct crew_config config = {
	        .assignment = session_assignment(agent->session),
	        .epoch = session_epoch(agent->session),
	        .files = session_files(agent->session),
	        .run_id = session_run_id(agent->session),
	        .workers = from->workers,
	        .drivers = from->drivers,
	        .allowed = from->allowed,
	        .allowed_count = from->allowed_count,
	        .secrets_folder = from->secrets_folder,
	        .log = from->log,
	        .doorbell = agent->doorbell,
	};
	int r;

	log_write(from->log, LOG_INFO, "run %s: assigned as agent %u of %u", config.run_id,
	          config.assignment->agent_index + 1, config.assignment->agent_count);
	r = crew_new(&config, &agent->crew);
	return r < 0 ? session_failed(agent->session, "cannot start a thread", clock_now_ns()) : 0;
}

static void close_crew(struct agent *agent)
{
	agent->last = snapshot_free(agent->last);
	agent->crew = crew_free(agent->crew);
}

static void send_message(struct agent *agent, struct message *message)
{
	int r;

	/* What waits for a coordinator that doesn't answer is old when it does. */
	if (message->type == MESSAGE_HELLO && !session_welcomed(agent->session))
		link_forget(agent->link, &agent->incarnation);
	if (message->type == MESSAGE_PONG)
		message->pong.agent_out_ns = clock_now_ns();
	r = link_send(agent->link, message);
	/* What got lost is sent again when its answer doesn't come. */
	if (r < 0 && r != -EAGAIN)
		log_write(agent->config->log, LOG_WARNING, "cannot send %s: %s, ignoring",
		          message_type_names[message->type], strerrordesc_np(-r));
}

/* A crew that can't do it has failed. */
static int give(struct agent *agent, int r, const char *what)
{
	char text[FAILURE_TEXT_MAX];

	if (r >= 0)
		return 0;
	snprintf(text, sizeof(text), "cannot take %s: %s", what, strerrordesc_np(-r));
	log_write(agent->config->log, LOG_ERROR, "%s", text);
	return session_failed(agent->session, text, clock_now_ns());
}

static int carry_out(struct agent *agent, struct effect *effect)
{
	switch (effect->type) {
	case EFFECT_SEND:
		send_message(agent, &effect->message);
		break;
	case EFFECT_OPEN:
		return open_crew(agent);
	case EFFECT_ASSIGN:
		log_write(agent->config->log, LOG_INFO, "epoch %u from second %" PRIu64 " on", effect->epoch,
		          effect->at_ns / NS_PER_S);
		return give(agent, crew_assign(agent->crew, effect->assignment, effect->epoch, effect->at_ns),
		            "a later share");
	case EFFECT_VALUES:
		return give(agent, crew_values(agent->crew, effect->values, effect->count), "values");
	case EFFECT_DUTIES:
		return give(agent, crew_duties(agent->crew, effect->duties, effect->count), "duties");
	case EFFECT_VERIFIERS:
		return give(agent, crew_verifiers(agent->crew, effect->verifiers, effect->count, effect->closing),
		            "verifiers");
	case EFFECT_SEEN:
		crew_seen_acked(agent->crew, &effect->seen);
		break;
	case EFFECT_START:
		crew_start(agent->crew, effect->at_ns);
		break;
	case EFFECT_CLOCK:
		crew_clock(agent->crew, effect->at_ns);
		break;
	case EFFECT_BEGIN:
		return crew_begin(agent->crew, effect->scenario, effect->at_ns);
	case EFFECT_STOP:
		log_write(agent->config->log, LOG_INFO, "stopping: %s", effect->text);
		crew_stop(agent->crew, effect->at_ns, effect->grace_ns);
		break;
	case EFFECT_CLOSE:
		close_crew(agent);
		log_write(agent->config->log, LOG_INFO, "run %s is over", session_run_id(agent->session));
		break;
	case EFFECT_NOTE:
		log_write(agent->config->log, LOG_WARNING, "%s", effect->text);
		break;
	}
	return 0;
}

/* What the session said, and what that led to. */
static int carry_out_all(struct agent *agent, int r)
{
	struct effect effect;

	while (r == 0 && session_effect(agent->session, &effect))
		r = carry_out(agent, &effect);
	return r;
}

static int look_at_opening(struct agent *agent, uint64_t now_ns)
{
	const struct wire_target *targets;
	uint32_t count;

	if (crew_state(agent->crew) != CREW_OPEN || session_state(agent->session) != SESSION_OPENING)
		return 0;
	targets = crew_targets(agent->crew, &count);
	for (uint32_t i = 0; i < count; i++) {
		if (targets[i].problem[0])
			log_write(agent->config->log, LOG_WARNING, "target %s: %s", targets[i].name,
			          targets[i].problem);
	}
	return carry_out_all(agent, session_opened(agent->session, targets, count, now_ns));
}

static int take_snapshots(struct agent *agent, uint64_t now_ns)
{
	int r = 0;

	while (r == 0 && agent->crew && !agent->last && session_state(agent->session) == SESSION_RUNNING) {
		struct snapshot *snapshot;

		r = crew_snapshot(agent->crew, &snapshot);
		if (r <= 0)
			return r;
		r = 0;
		if (snapshot->message.last)
			agent->last = snapshot;
		else
			r = carry_out_all(agent, session_snapshot(agent->session, snapshot, now_ns));
	}
	return r;
}

/* The last snapshot and the news that it is the last go to the session together. */
static int look_for_end(struct agent *agent, uint64_t now_ns)
{
	const struct wire_target *targets;
	uint32_t count;
	int r;

	if (!agent->crew || !agent->last || !crew_done(agent->crew))
		return 0;
	r = session_snapshot(agent->session, steal(agent->last), now_ns);
	if (r == 0) {
		targets = crew_targets(agent->crew, &count);
		r = session_finished(agent->session, crew_end_ns(agent->crew), targets, count, now_ns);
	}
	return carry_out_all(agent, r);
}

static int take_overs(struct agent *agent, uint64_t now_ns)
{
	struct duty_over news;
	int r = 0;

	while (r == 0 && agent->crew && crew_duty_over(agent->crew, &news)) {
		const struct message_value over = {
		        .duty = news.duty,
		        .problem = (char *)news.problem,
		        .values = (struct text_pair *)news.values,
		        .value_count = news.value_count,
		};

		r = carry_out_all(agent, session_duty_over(agent->session, &over, now_ns));
	}
	return r;
}

static int take_seen(struct agent *agent, uint64_t now_ns)
{
	struct message_seen seen;
	int r = 0;

	while (r == 0 && agent->crew) {
		r = crew_seen(agent->crew, &seen);
		if (r <= 0)
			return r;
		r = carry_out_all(agent, session_seen(agent->session, &seen, now_ns));
	}
	return r;
}

static int look_at_crew(struct agent *agent)
{
	uint64_t now_ns = clock_now_ns();
	int r;

	if (!agent->crew)
		return 0;
	if (crew_state(agent->crew) == CREW_FAILED) {
		log_write(agent->config->log, LOG_ERROR, "%s", crew_failure(agent->crew)->text);
		return carry_out_all(agent, session_failed(agent->session, crew_failure(agent->crew)->text, now_ns));
	}
	r = look_at_opening(agent, now_ns);
	if (r == 0)
		r = take_overs(agent, now_ns);
	if (r == 0)
		r = take_seen(agent, now_ns);
	if (r == 0)
		r = take_snapshots(agent, now_ns);
	return r < 0 ? r : look_for_end(agent, now_ns);
}

static int receive(struct agent *agent)
{
	int r = 0;

	for (int i = 0; r == 0 && i < MESSAGES_AT_ONCE; i++) {
		struct message message = {0};
		struct failure why = {0};

		r = link_receive(agent->link, &message, &why);
		if (r == -EAGAIN)
			return 0;
		if (r == -EBADMSG) {
			log_write(agent->config->log, LOG_WARNING, "%s, ignoring", why.text);
			r = 0;
			continue;
		}
		if (r == -EACCES) {
			log_write(agent->config->log, LOG_WARNING, "%s: %s", link_address(agent->link), why.text);
			r = 0;
			continue;
		}
		if (r == 0)
			r = carry_out_all(agent, session_message(agent->session, &message, clock_now_ns()));
		message_deinit(&message);
	}
	return r;
}

/* Goes to the next address if this one's coordinator doesn't answer. */
static int try_next_address(struct agent *agent, uint64_t now_ns)
{
	if (agent->config->address_count < 2 || session_welcomed(agent->session) ||
	    session_state(agent->session) != SESSION_FREE || now_ns < agent->connected_ns + ANSWER_SECONDS * NS_PER_S)
		return 0;
	agent->address = (agent->address + 1) % agent->config->address_count;
	return connect_link(agent);
}

static int tick(struct agent *agent)
{
	uint64_t now_ns = clock_now_ns();
	int r = try_next_address(agent, now_ns);

	if (r == 0 && now_ns >= session_next_ns(agent->session))
		r = carry_out_all(agent, session_tick(agent->session, now_ns));
	return r;
}

static int wait_ms(const struct agent *agent)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t next_ns = session_next_ns(agent->session);

	if (next_ns <= now_ns)
		return 0;
	if ((next_ns - now_ns) / NS_PER_MS >= INT_MAX)
		return INT_MAX;
	return (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void drain(int fd, size_t size)
{
	char bytes[1024];

	while (read(fd, bytes, size) < 0 && errno == EINTR)
		;
}

static int turn(struct agent *agent)
{
	struct pollfd watched[WATCH_COUNT] = {
	        [WATCH_DOORBELL] = {.fd = agent->doorbell, .events = POLLIN},
	        [WATCH_SIGNAL] = {.fd = agent->config->signal_fd, .events = POLLIN},
	};
	uint32_t count = agent->config->signal_fd >= 0 ? WATCH_COUNT : WATCH_SIGNAL;
	int r = link_wait(agent->link, watched, count, wait_ms(agent));

	if (r < 0)
		return failure_set(agent->failure, r, "cannot wait for messages: %s", strerrordesc_np(-r));
	if (watched[WATCH_DOORBELL].revents)
		drain(agent->doorbell, sizeof(uint64_t));
	if (count > WATCH_SIGNAL && watched[WATCH_SIGNAL].revents) {
		drain(agent->config->signal_fd, 1024);
		r = carry_out_all(agent, session_terminate(agent->session, clock_now_ns()));
	}
	if (r == 0)
		r = receive(agent);
	if (r == 0)
		r = look_at_crew(agent);
	if (r == 0)
		r = tick(agent);
	return r;
}

static int serve(struct agent *agent)
{
	const struct session_config config = {
	        .hello = agent->config->hello,
	        .incarnation = agent->incarnation,
	        .once = agent->config->once,
	        .orphan_after_ns = agent->config->orphan_after_ns,
	        .spool = {.memory_bytes = SPOOL_MEMORY_BYTES,
	                  .disk = disk_file_disk(agent->disk),
	                  .disk_bytes = SPOOL_DISK_BYTES},
	        .cache_bytes = CACHE_BYTES,
	        .now_ns = clock_now_ns(),
	};
	int r = session_new(&config, &agent->session);

	if (r < 0)
		return r;
	r = connect_link(agent);
	while (r == 0 && session_state(agent->session) != SESSION_OVER)
		r = turn(agent);
	if (r == 0 && session_deserted(agent->session))
		r = 1;
	return r;
}

int agent_run(const struct agent_config *config, struct failure *failure)
{
	struct agent agent = {.config = config, .doorbell = -1, .failure = failure};
	int r;

	random_bytes(agent.incarnation.bytes, sizeof(agent.incarnation.bytes));
	agent.doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = agent.doorbell < 0 ? -errno : disk_file_new(config->spool_folder, failure, &agent.disk);
	if (r == 0)
		r = serve(&agent);
	if (r < 0 && failure->code == 0)
		failure_set(failure, r, "the agent cannot go on: %s", strerrordesc_np(-r));
	close_crew(&agent);
	link_close(agent.link);
	session_free(agent.session);
	disk_file_free(agent.disk);
	if (agent.doorbell >= 0)
		close(agent.doorbell);
	return r;
}
