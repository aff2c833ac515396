/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver is: the contract between the worker, which knows time and measures, and a protocol's library.
 *
 * A worker opens one driver for each target its scenarios use. All calls come on the worker's thread, unless said
 * otherwise, and none may block but open, probe and close, which run while nothing is measured (open also when a worker
 * takes over what a lost agent had). A driver does no
 * arithmetic on the three times: it stamps, the worker records. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/base/log.h"
#include "common/base/loop.h"
#include "common/plan/plan.h"
#include "common/plan/template.h"
#include "common/stats/error_class.h"
#include "common/stats/metrics.h"

struct driver;
struct driver_session;

enum { OPERATION_SAMPLES_MAX = 8, ERROR_CODE_SIZE = 64, OPERATION_DRIVER_WORDS = 2 };

/* A further measurement of a completed operation, under the operation's own series. */
struct operation_sample {
	enum metric_id metric; /* latency: ns; counter: an amount; rate: 0 or 1 */
	uint64_t value;
	const char *label; /* NULL: none. Holds until the completion returns */
};

/* What is said of an operation that failed, or that has more to tell than its times. */
struct operation_words {
	uint32_t sample_count;
	char error_code[ERROR_CODE_SIZE]; /* the protocol's own: "503", "40P01", "_MSG_TIMED_OUT" */
	char error_text[256];             /* for people; without values that differ in every message */
	struct operation_sample samples[OPERATION_SAMPLES_MAX];
};

/* One operation of a VU, from submit to its completion. Owned by the worker; valid until the completion callback
 * returns. What every operation needs comes first: with a hundred thousand in flight, each line of the cache that is
 * touched costs. */
struct operation {
	/* Set by the worker before submit. */
	const struct step *step;
	const struct template_scope *scope; /* what templates are filled in from; holds until completion only for
	                                       operations that the iteration waits for: render in submit */
	struct driver_session *session; /* of this VU; NULL if the driver has no sessions, and for a message that the
	                                   iteration doesn't wait for: it may outlive its VU */
	uint64_t intended_ns;
	uint64_t started_ns; /* the worker's stamp before submit; a driver that queues inside may restamp it when the
	                        operation really leaves */
	uint32_t lane;       /* one of the config's lanes: the producer's, or 0 (see portion.h) */
	/* Filled in by the driver before it completes the operation. */
	enum error_class error; /* ERROR_NONE: success */
	uint64_t completed_ns;
	uint64_t sent_bytes;
	uint64_t received_bytes;
	/* The driver's own while the operation is in flight; zero at submit. */
	uintptr_t driver_words[OPERATION_DRIVER_WORDS];
	struct operation_words *words; /* NULL: none yet; operation_fail() and operation_sample() make them */
};

/* The operation's words, made if there are none; NULL without memory. They are the worker's as the operation is. */
struct operation_words *operation_words(struct operation *operation);
/* Says that an operation failed; text is formatted. completed_ns is left to the driver. Without
 * memory it fails without code and text. */
void operation_fail(struct operation *operation, enum error_class class, const char *code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* Adds a sample; past OPERATION_SAMPLES_MAX it asserts. Without memory it would be lost, but an operation that an
 * iteration waits for has its words from the beginning. */
void operation_sample(struct operation *operation, enum metric_id metric, uint64_t value, const char *label);

/* What links the agent's clock to the coordinator's. */
struct driver_clock {
	uint64_t t0_ns; /* on our clock, as it was told; set before anything is submitted */
	_Atomic int64_t correction_ns;
};

/* The coordinator's time since T0 (before it: negative) at a time on our clock. Any thread. */
static inline int64_t driver_clock_since_t0(const struct driver_clock *clock, uint64_t at_ns)
{
	return (int64_t)(at_ns - clock->t0_ns) +
	       atomic_load_explicit(&((struct driver_clock *)clock)->correction_ns, memory_order_relaxed);
}

/* A message that a consumer got. Its key holds until receive() returns. */
struct reception {
	uint64_t received_ns;
	size_t bytes;    /* of key, value and headers */
	const void *key; /* NULL: none */
	size_t key_size;
	_Bool stamped;       /* it says when it was wanted: */
	int64_t intended_ns; /* on the coordinator's clock, since T0 */
};

/* What the worker gives a driver. Holds as long as the driver is open. */
struct driver_config {
	const struct plan *plan;
	const struct target *target;
	struct loop *loop; /* the worker's: descriptors and timers go in here */
	struct log *log;   /* may be NULL */
	const char *agent_name;
	const char *run_id;
	uint32_t worker;       /* index in this agent */
	uint32_t workers;      /* of this agent; 0 counts as 1 */
	uint32_t agent_index;  /* the agent's number in the run */
	const uint32_t *lanes; /* the lanes of this target that this worker owns at first, ascending (see portion.h);
	                          each is a client of its own */
	uint32_t lane_count;   /* 0: one lane, number 0 */
	uint32_t connections;  /* this worker's part of the target's connections (postgres) */
	/* Gives a secret's value or NULL, as in a template's scope: for what a target's own texts hold. May be NULL:
	 * then every secret is missing. On the thread that was given the config. */
	const char *(*secret)(void *context, const char *name);
	void *secret_context;
	/* Called exactly once for every accepted operation, on the worker's thread, from poll, a loop callback, cancel,
	 * drain, abandon or close, never from within submit. It never calls back into a driver: what follows is
	 * submitted in a later turn. The operation is the worker's again when it returns. */
	void (*complete)(void *context, struct operation *operation);
	/* A value that an answer left for the VU (`save`); text is copied. Called before complete(). */
	int (*save)(void *context, struct operation *operation, uint32_t slot, const char *text, size_t size);
	/* A message that an operation in flight got: it is counted at once, under the operation's step. Called as
	 * complete() is, before it. */
	void (*receive)(void *context, struct operation *operation, const struct reception *reception);
	const struct driver_clock *clock;
	/* A level as it is now, for a gauge of the whole run; label is copied. Of several in one second the metric's
	 * rule makes one. At any time on the worker's thread; before T0 it is forgotten. NULL: nobody wants to know. */
	void (*gauge)(void *context, enum metric_id metric, const char *label, double value);
	/* A measurement of a step that is none of an operation's. At any time on the worker's thread; before T0 it is
	 * forgotten. NULL: nobody wants to know. */
	void (*record)(void *context, const struct step *step, const struct operation_sample *sample);
	/* Likewise an error that no operation has told. */
	void (*tell)(void *context, const struct step *step, enum error_class class, const char *code,
	             const char *text);
	void *context;
};

/* What submit says besides a negative errno (fatal for the run: no memory). */
enum submit_outcome {
	SUBMIT_ACCEPTED = 0,
	SUBMIT_FULL = 1,   /* the library's queue has no room: not accepted, nothing was sent */
	SUBMIT_FAILED = 2, /* not accepted, failed at once: operation->error and its code and text are set; no
	                      completion follows */
	SUBMIT_LATER = 3,  /* not accepted: the lane is busy for a moment with something of its own. The VU waits,
	                      whatever the plan does when a queue is full; room on other lanes says nothing of it */
};

struct target_facts {
	char version[128];
	char topology[256];
	uint64_t idle_round_trip_ns; /* 0: unknown */
	_Bool topology_learned;      /* the topology holds what the run itself told, too: the crew's own */
	_Bool local;                 /* the target's address is one of this host's own */
	char problem[256];           /* "" or why the target could not be reached: not fatal */
};

/* What a setup found out, for `{{name}}`. */
struct duty_value {
	char *name;
	char *text;
};

/* What a reader has seen: a gauge of the whole run. */
struct duty_reading {
	enum metric_id metric;
	char *label;
	double value;
};

enum { DUTY_PROBLEM_SIZE = 256 };

/* A duty that is being performed, and what comes of it. */
struct duty_work {
	const struct duty *duty;
	const struct template_scope *scope; /* what templates are filled in from */
	int cancel_fd;                      /* gets readable when the duty is to be given up: whatever comes of it is
	                                       then thrown away, but it must be over soon */
	/* Filled in by the driver. */
	char problem[DUTY_PROBLEM_SIZE]; /* "" or why it failed */
	struct duty_value *values;
	size_t value_count;
	size_t value_capacity;
	struct duty_reading *readings;
	size_t reading_count;
	size_t reading_capacity;
	void *held; /* a reader's: what it keeps from one reading to the next; NULL at the first one */
};

/* Texts are copied. 0 or -ENOMEM. */
int duty_work_value(struct duty_work *work, const char *name, const void *text, size_t size);
int duty_work_reading(struct duty_work *work, enum metric_id metric, const char *label, double value);
/* Formats `problem`. */
void duty_work_fail(struct duty_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
void duty_work_deinit(struct duty_work *work);

/* The next offset of a partition to be read. */
struct verify_offset {
	uint32_t partition;
	uint64_t offset;
};

/* What a verifier has to say. */
struct verify_report {
	const struct verify_offset *starts; /* from where on partitions are accounted for */
	size_t start_count;
	const struct verify_offset *ends; /* where they ended after the last message; the last word counts */
	size_t end_count;
	const void *seen; /* deltas, as seen_log_take() gives them */
	size_t seen_size;
};

/* What a verifier is to read, and to whom it tells what it saw. */
struct verify_work {
	const struct duty *duty;
	int cancel_fd;   /* gets readable when it is to be given up: at once, and without a further report */
	int closing_fd;  /* gets readable when all load is over and delivered: take the ends, read up to them, and
	                    return */
	uint64_t reader; /* for seen_log_open() */
	const struct verify_offset *positions; /* where to go on; without `resumes`: from the ends as they are now */
	size_t position_count;
	_Bool resumes;
	/* Takes what was seen, which is copied: blocks until what was handed over before is safe. 0, or -ECANCELED. The
	 * first report of one that doesn't resume has every partition's start, and is made before anything is read. */
	int (*report)(void *context, const struct verify_report *report);
	void *context;
	/* Filled in by the driver. */
	char problem[DUTY_PROBLEM_SIZE]; /* "" or why it ended before it had read everything */
};

/* One kind of driver. Slots that may be NULL say so. */
struct driver_ops {
	enum target_kind kind;
	const char *library; /* name of the library behind it */
	/* Writes the library's version at run time, cut to fit. Any thread. */
	void (*library_version)(char *ret_text, size_t size);
	/* Makes the driver ready: compiles what it needs of the plan's steps on this target and registers with the
	 * loop. May block shortly; must not send what a target counts. A target that can't be reached is no error here.
	 */
	int (*open)(const struct driver_config *config, struct failure *failure, struct driver **ret_driver);
	/* Makes a further lane ready, as open does those of the config. On the worker's thread while others are at
	 * work: must not block. NULL: lanes make no difference to it. */
	int (*add_lane)(struct driver *driver, uint32_t lane, struct failure *failure);
	/* A VU's own state: cookies, connections. NULL: sessions don't exist. */
	int (*session_open)(struct driver *driver, uint64_t vu, struct driver_session **ret_session);
	void (*session_close)(struct driver *driver, struct driver_session *session);
	/* Starts an operation: an enum submit_outcome or a negative errno. Never blocks. Templates are rendered here; a
	 * value that is not set is SUBMIT_FAILED with ERROR_DATA. */
	int (*submit)(struct driver *driver, struct operation *operation);
	/* Gives a driver that needs it a turn (NULL: it lives off the loop alone). Called once every pass of the
	 * worker's loop, when all that is due was submitted and before the worker waits. */
	void (*poll)(struct driver *driver, uint64_t now_ns);
	/* No more operations will come: make those in flight complete soon (flush, linger). Returns at once. NULL:
	 * nothing to do. */
	void (*drain)(struct driver *driver);
	/* Gives up one operation in flight, whose iteration was interrupted: it completes, within the call or soon
	 * after, as interrupted (what it says of itself is not recorded). NULL: it stays in flight until it completes
	 * by itself or is abandoned. */
	void (*cancel)(struct driver *driver, struct operation *operation);
	/* Appends what became of the messages that are verified since the call before, as sent_delta_encode() writes
	 * it: called when a second is closed. 0 or -ENOMEM (then nothing is appended, and nothing lost). NULL: it sends
	 * nothing that is verified. */
	int (*account)(struct driver *driver, struct buffer *buffer);
	/* Operations accepted and not completed. */
	uint64_t (*in_flight)(const struct driver *driver);
	/* Gives up what is in flight: every operation left completes now with ERROR_NONE unset and `interrupted`
	 * semantics: the worker counts completions during abandon as interrupted. */
	void (*abandon)(struct driver *driver);
	/* What the target is, learned from a probe before T0 (blocks up to timeout_ms, on a thread of its own; of the
	 * config only plan, target, log, agent_name, run_id and secret are set). NULL: there is nothing to learn ... */
	void (*probe)(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts);
	/* ... and what the run's own answers said (the Server header; a topology is added to the probe's). NULL:
	 * nothing.
	 */
	void (*facts)(const struct driver *driver, struct target_facts *ret_facts);
	/* Performs a duty of the plan: a step of its setup or teardown, or one reading. Blocks until it is over or
	 * cancelled, on a thread of its own (of the config the same is set as for probe; target may be NULL). What goes
	 * wrong at the target is work->problem. 0 or -ENOMEM. NULL: this kind has no duties. */
	int (*perform)(const struct driver_config *config, struct duty_work *work);
	/* Releases what `perform` held from one reading to the next, on its thread. May block. NULL: it holds nothing.
	 */
	void (*let_go)(void *held);
	/* Reads what is produced to a topic, beside those who produce it, and reports what it saw. Blocks until all is
	 * read or it is cancelled, on a thread of its own (of the config the same is set as for probe). What goes wrong
	 * at the target is work->problem. 0, -ECANCELED or -ENOMEM. NULL: this kind can't be verified. */
	int (*verify)(const struct driver_config *config, struct verify_work *work);
	/* Releases all; in_flight must be 0. May block. Accepts NULL. */
	struct driver *(*close)(struct driver *driver);
};

/* By target_kind; every entry is there. */
extern const struct driver_ops *const drivers[TARGET_KIND_COUNT];
