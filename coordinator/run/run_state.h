/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to run*.c: what a run holds, and what its parts ask of each other. `now_ns` is always the caller's time, and
 * every int is 0 or the negative errno of an effect or of missing memory, which ends the run. */
#pragma once

#include "common/base/clock.h"
#include "common/base/names.h"
#include "coordinator/run/division.h"
#include "coordinator/run/intake.h"
#include "coordinator/run/ration.h"
#include "coordinator/run/run.h"

enum { RUN_TEXT_SIZE = 1024 };

#define RUN_FLUSH_NS (100 * NS_PER_MS)
#define RUN_STATUS_NS (10 * NS_PER_S)         /* an agent's account is journaled this often, and at its end */
#define RUN_READY_TIMEOUT_NS (120 * NS_PER_S) /* data files, drivers, probes */
#define RUN_STOP_GRACE_NS NS_PER_S            /* for iterations in progress when a run is ended early */
#define RUN_DRAIN_SLACK_NS                                                                                             \
	(10 * NS_PER_S) /* beyond what the plan allows, before an agent that isn't done is given up */

#define RUN_LEAVE_GRACE_NS (5 * NS_PER_S) /* likewise, when an agent leaves */
#define RUN_STALL_NS (2 * NS_PER_S)       /* without a turn: we were stopped ourselves */
#define RUN_RETURN_NS (30 * NS_PER_S)     /* how long agents that are cut off are waited for when the others are done */
#define RUN_VERIFY_NS (120 * NS_PER_S)    /* before a verifier that gets no further is given up */
#define RUN_SILENCE_NS (10 * 60 * NS_PER_S) /* likewise when no agent is heard any more, and none is done */

/* Who has a duty. */
struct run_duty {
	uint32_t agent; /* UINT32_MAX: nobody yet */
	_Bool over;
};

struct run_duties {
	struct run_duty *items;   /* by the plan's duties */
	struct text_pair *values; /* of all setups; their texts are ours */
	size_t value_count, value_capacity;
	_Bool derived_again;  /* values came after T0: agents that run are told them apart */
	uint64_t deadline_ns; /* of the setups or teardowns under way; CLOCK_NEVER: none */
	uint64_t next_send_ns;
};

/* How far the reading of a topic is. */
struct run_verifier {
	uint64_t reader;               /* how often it was given */
	uint64_t seq;                  /* of this reader's newest report that is journaled */
	_Bool begun;                   /* where partitions begin is known */
	struct wire_offset *positions; /* by partition */
	uint32_t position_count;
	uint64_t deadline_ns; /* until then it must get on, where it is waited for */
	char *problem;        /* from a journal that ends with its last report; NULL else */
};

struct run_verify {
	struct run_verifier *items; /* by the plan's duties */
	_Bool closing;              /* all load is over */
	uint64_t next_send_ns;
};

struct run {
	struct run_config config;
	enum run_state state;
	struct roster *roster;
	struct names *busy;     /* incarnations that are in another run: told once */
	struct ration grumbles; /* texts about what peers do */
	struct ration answers;  /* to peers that are none of ours */
	struct intake *intake;
	struct wire_file *files;  /* of the plan's feeds */
	struct division division; /* the newest epoch's; epoch 0: none yet */
	struct wire_move *moves;  /* of all epochs */
	size_t move_count, move_capacity;
	struct journal_extra *extras; /* of all epochs */
	size_t extra_count, extra_capacity;
	uint64_t next_spare; /* of unique feeds' rows */
	uint64_t *counted;   /* iterations by the first division: [agent * scenario_count + scenario] */
	uint32_t counted_agents;
	_Bool unsettled; /* someone came, went or got ready: another division may be wanted */
	struct run_duties duties;
	struct run_verify verify;
	uint64_t *begun_ns; /* by scenario: since T0; CLOCK_NEVER until it has begun */
	uint64_t t0_ns;
	uint64_t gather_deadline_ns;
	uint64_t ready_deadline_ns;
	uint64_t drain_deadline_ns;   /* CLOCK_NEVER while the schedule's end isn't known */
	uint64_t silence_deadline_ns; /* until when silent agents are waited for; CLOCK_NEVER while another one runs */
	uint64_t next_flush_ns;
	uint64_t last_tick_ns;
	uint64_t patient_until_ns; /* after a resume: until then agents may still be delivering what they held */
	enum stop_cause stop_cause;
	uint64_t stop_at_ns; /* since T0 */
	char stop_text[RUN_TEXT_SIZE];
};

/* ---- run.c ---- */

/* A run in which nothing has happened. */
int run_make(const struct run_config *config, struct run **ret_run);

/* ---- run_effects.c ---- */

void run_tell(struct run *run, _Bool warning, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Of what any peer can cause, as often as it likes: told now and then. */
void run_grumble(struct run *run, uint64_t now_ns, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* `context` is the run: the form that intake calls. */
int run_journal(void *context, const struct journal_record *record);
/* Fills in the envelope. What can't be delivered is sent again when the agent says hello, so that few look at what is
 * returned: 0 or the negative errno of the sending. */
int run_send(struct run *run, const struct roster_agent *agent, struct message *message);
/* Journals the state, then is in it. */
int run_enter(struct run *run, enum run_state state, uint64_t now_ns);
int64_t run_wall_ns(const struct run *run, uint64_t now_ns);
/* 0 before T0. */
uint64_t run_since_t0_ns(const struct run *run, uint64_t now_ns);

/* ---- run_agents.c ---- */

/* The files' digests, once. 0 or -ENOMEM. */
int run_make_files(struct run *run);
void run_free_files(struct run *run);
/* All that it has by the newest epoch; with the plan, if it may not have that. */
void run_send_assign(struct run *run, uint32_t index);
/* T0; not while a setup is still to be done. */
void run_send_start(struct run *run, struct roster_agent *agent);
void run_send_begin(struct run *run, struct roster_agent *agent, uint32_t scenario);
/* All scenarios that have begun and had to be waited for. */
void run_send_begins(struct run *run, struct roster_agent *agent);
void run_send_stop(struct run *run, struct roster_agent *agent);
void run_send_ack(struct run *run, struct roster_agent *agent);
/* All that an agent must know in the state that the run is in. */
void run_catch_up(struct run *run, uint32_t index);
int run_answer_fetch(struct run *run, uint32_t index, const struct message_fetch *fetch, uint64_t now_ns);
void run_ping(struct run *run, uint64_t now_ns);
int run_take_pong(struct run *run, uint32_t index, const struct message_pong *pong, uint64_t now_ns);

/* ---- run_epoch.c ---- */

/* What an agent is to a division. */
struct member run_member(const struct roster_agent *agent);
/* True if what an agent that leaves has goes to others. */
_Bool run_hands_on(const struct run *run);
/* If the run is unsettled: another epoch, if anything is to be moved. */
int run_settle(struct run *run, uint64_t now_ns);

/* ---- run_division.c ---- */

/* True if it owns anything by the newest epoch. */
_Bool run_owns_any(const struct run *run, uint32_t agent);
/* The counted iterations that were an agent's to run. */
uint64_t run_entitled(const struct run *run, uint32_t agent, uint32_t scenario);
/* Journals a division, whose shares are moved out of it, and goes by it. */
int run_journal_division(struct run *run, struct division *next, struct wire_move *moves, uint32_t move_count,
                         struct journal_extra *extras, uint32_t extra_count);
/* Goes by a division that is in the journal; shares, connections and moves are moved out of the record. 0 or -ENOMEM.
 */
int run_keep_division(struct run *run, struct journal_record *record);

/* ---- run_join.c ---- */

_Bool run_clock_is_known(const struct roster_agent *agent);
/* True if an agent that comes now may join. */
_Bool run_may_join(const struct run *run);
int run_join(struct run *run, struct message *message, uint64_t now_ns);
int run_journal_agent(struct run *run, struct roster_agent *agent);
/* Journals with which offset T0 is about to be told. */
int run_tell_t0(struct run *run, uint32_t index, uint64_t now_ns);
/* It owns something and is ready: it is told so, and runs. */
int run_admit(struct run *run, uint32_t index, uint64_t now_ns);
/* Those who are ready by now, and those who never are. */
int run_look_at_joiners(struct run *run, uint64_t now_ns);
/* Those who came too late to get anything. */
int run_dismiss_joiners(struct run *run);

/* ---- run_leave.c ---- */

int run_take_leave(struct run *run, uint32_t index, uint64_t now_ns);
/* Tells those who leave to stop what nobody takes over. */
void run_stop_leavers(struct run *run, uint64_t now_ns);
void run_send_own_stop(struct run *run, struct roster_agent *agent);

/* ---- run_duties.c ---- */

int run_duties_init(struct run *run);
void run_duties_deinit(struct run *run);
void run_send_duties(struct run *run, uint32_t index);
/* Journals, before anything is told, that the agent has the duty from now on; that it is over (`problem`: "" or why it
 * failed). */
int run_give_duty(struct run *run, uint32_t duty, uint32_t agent, uint64_t now_ns);
int run_finish_duty(struct run *run, uint32_t duty, const char *problem, uint64_t now_ns);
/* The first duty of this kind that isn't over, from `from` on; UINT32_MAX: there is none. */
uint32_t run_next_duty(const struct run *run, enum duty_kind kind, uint32_t from);
/* Of one that is done, and not given up for its silence. */
_Bool run_is_heard(const struct run *run, const struct roster_agent *agent, uint64_t now_ns);
/* True if the agent can do what must be done now, of this kind. */
_Bool run_can_do(struct run *run, enum duty_kind kind, uint32_t index, uint64_t now_ns);
/* The able agent with the fewest duties, the first one among equals; UINT32_MAX: there is none. */
uint32_t run_find_able(struct run *run, enum duty_kind kind, uint64_t now_ns);
/* Tells that a duty failed. A run that hasn't begun is ended by it. */
int run_take_problem(struct run *run, uint32_t duty, uint32_t index, const char *problem, uint64_t now_ns);
/* Values that came after T0, for one that runs. */
void run_send_values_again(struct run *run, uint32_t index);
/* An agent's setup or teardown is over. What is kept is moved out of the message. */
int run_take_value(struct run *run, uint32_t index, struct message_value *value, uint64_t now_ns);
/* Has all setups, or teardowns, done: 1 when they are over, 0 while they are not. A setup that fails before T0 ends the
 * run. */
int run_set_up(struct run *run, uint64_t now_ns);
int run_tear_down(struct run *run, uint64_t now_ns);
/* True while a setup, or teardown, is still to be done. */
_Bool run_has_setup(const struct run *run);
_Bool run_has_teardown(const struct run *run);
/* Until the schedule's end, each reader has one who runs, if there is one. */
int run_share_readers(struct run *run, uint64_t now_ns);
/* For a resume: takes a JOURNAL_DUTY (0 or -EBADMSG); and when all records are in, as values are not journaled: setups
 * are to be done again. */
int run_keep_duty(struct run *run, const struct journal_record *record);
void run_duties_again(struct run *run);

/* ---- run_verify.c ---- */

int run_verify_init(struct run *run);
void run_verify_deinit(struct run *run);
/* True while a verifier isn't over; while this agent has one. */
_Bool run_has_verifier(const struct run *run);
_Bool run_verifies(const struct run *run, uint32_t agent);
/* Adds the agent's verifiers; message->verifiers has room for LIMIT_PLAN_DUTIES. Positions are the run's. */
void run_fill_verifiers(const struct run *run, uint32_t agent, struct message_duty *message);
/* Makes it another reader, of this agent, which goes on where the journal ends. */
int run_give_verifier(struct run *run, uint32_t duty, uint32_t agent, uint64_t now_ns);
/* Before T0, when all are ready: 1 when each verifier has told where its partitions begin, 0 while not. One that fails,
 * or doesn't begin in time, ends the run. */
int run_begin_verifiers(struct run *run, uint64_t now_ns);
/* From T0 on: each verifier has somebody who can do it, if there is one. */
int run_share_verifiers(struct run *run, uint64_t now_ns);
/* When every agent is done or lost: 1 when all verifiers are over, 0 while not. */
int run_end_verifiers(struct run *run, uint64_t now_ns);
/* Those that are not over are, for this problem. */
int run_give_up_verifiers(struct run *run, const char *problem, uint64_t now_ns);
/* We had no turn for this long. */
void run_forgive_verifiers(struct run *run, uint64_t gap_ns);
/* An agent is back after all load was thought to be over: what it did is still to be read. */
void run_reopen_verifiers(struct run *run);
/* For a resume: takes a JOURNAL_DUTY that is known to be of the plan; and when all records are in. */
void run_keep_verifier(struct run *run, const struct journal_record *record);
void run_verifiers_again(struct run *run, uint64_t now_ns);

/* ---- run_seen.c ---- */

/* A report of a verifier. */
int run_take_seen(struct run *run, uint32_t index, const struct message_seen *seen, uint64_t now_ns);
/* For a resume: takes a JOURNAL_SEEN. 0, -EBADMSG or -ENOMEM. */
int run_keep_seen(struct run *run, const struct journal_record *record);

/* ---- run_stop.c ---- */

/* Journals the stop, tells it to every agent; the first cause stays. `threshold` and `observed` are STOP_THRESHOLD's.
 */
int run_stop(struct run *run, enum stop_cause cause, uint32_t threshold, double observed, uint64_t now_ns,
             const char *text);
/* `why` there won't be more. */
int run_too_few(struct run *run, const char *why, uint64_t now_ns);
/* An agent's account: its counters, health and clock. */
int run_journal_status(struct run *run, uint32_t index, uint64_t now_ns);

/* ---- run_lose.c ---- */

/* Gives an agent up, unless it is done or lost already, and does what the plan wants then. */
int run_lose(struct run *run, uint32_t index, uint64_t now_ns, const char *reason);
/* The same, and it can't come back. */
int run_lose_for_good(struct run *run, uint32_t index, uint64_t now_ns, const char *reason);
/* A word of an agent, whatever it says. One that was lost by its silence alone is back; and whoever may have missed
 * something is told all. */
int run_hear(struct run *run, uint32_t index, uint64_t now_ns);
int run_lose_the_silent(struct run *run, uint64_t now_ns);
int run_lose_the_unfinished(struct run *run, uint64_t now_ns);
/* Before the run: one that is lost ends it, even if who knew it first died before it could say so. */
int run_end_for_the_lost(struct run *run, uint64_t now_ns);
/* Each turn: if we had none for long, agents' silence doesn't count. */
void run_forgive(struct run *run, uint64_t now_ns);

/* ---- run_gather.c ---- */

int run_take_hello(struct run *run, struct message *message, uint64_t now_ns);
int run_gather(struct run *run, uint64_t now_ns);

/* ---- run_start.c ---- */

int run_take_ready(struct run *run, uint32_t index, const struct message_ready *ready);
int run_await_ready(struct run *run, uint64_t now_ns);
int run_journal_targets(struct run *run, struct wire_target *targets, uint32_t count);
/* After a scenario has begun: the run's last moment may be known now. */
void run_set_drain_deadline(struct run *run);
/* Where the last schedule ends, since T0; CLOCK_NEVER while a scenario has still to be begun. */
uint64_t run_schedule_end_ns(const struct run *run);
/* A second that no honest agent's snapshots reach, however long it or we were stopped. */
uint64_t run_past_s(const struct run *run);

/* ---- run_snapshots.c ---- */

int run_take_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, uint64_t now_ns);
int run_take_done(struct run *run, uint32_t index, const struct message_done *done);
/* Journals what was taken, and acknowledges it. */
int run_flush(struct run *run, uint64_t now_ns);
/* True while somebody must be there when all are done: nobody gets its last acknowledgement before. */
_Bool run_needs_somebody(const struct run *run);
/* The last acknowledgements, which agents wait for; that of one which leaves, and was only kept to verify. */
void run_release(struct run *run);
void run_release_leaver(struct run *run, uint32_t index);

/* ---- run_on.c ---- */

/* Running and draining, as time passes. */
int run_on(struct run *run, uint64_t now_ns);
