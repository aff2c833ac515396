/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds on everything that a remote side, a file or a user controls, in one place. */
#pragma once

#include <stdint.h>

/* The plan. */
#define LIMIT_PLAN_BYTES (1024 * 1024)               /* a plan file */
#define LIMIT_PLAN_RESOLVED_BYTES (32 * 1024 * 1024) /* a plan as plan_write() makes it: defaults, escapes */
#define LIMIT_PLAN_RESOLVED_NODES 1000000
#define LIMIT_PLAN_DEPTH 32     /* nesting of YAML nodes */
#define LIMIT_PLAN_NODES 100000 /* YAML nodes in a plan's text, and as many more by aliases */
#define LIMIT_PLAN_VARIABLES 1000
#define LIMIT_PLAN_PROPERTIES 256                           /* of a Kafka target */
#define LIMIT_PLAN_DURATION_NS UINT64_C(315360000000000000) /* 10 years: no schedule is longer */
#define LIMIT_PLAN_SCENARIOS 256
#define LIMIT_PLAN_STEPS 256 /* in a scenario */
#define LIMIT_PLAN_TARGETS 256
#define LIMIT_PLAN_THRESHOLDS 1024
#define LIMIT_PLAN_DUTIES 256                /* setups, teardowns, readers and verifiers */
#define LIMIT_TOPICS 1024                    /* that a Kafka target or a lag reader names */
#define LIMIT_GROUP_IDS 64                   /* consumer groups of a lag reader */
#define LIMIT_PLAN_STAGES 4096               /* in a scenario */
#define LIMIT_PLAN_PHASES 100000             /* of a scenario's pattern with all repetitions, and its stages */
#define LIMIT_BURST 10000000                 /* arrivals at once, over the fleet */
#define LIMIT_NAME_BYTES 128                 /* a scenario, step, target, feed, variable or agent name */
#define LIMIT_TEMPLATE_BYTES (64 * 1024)     /* one template's source */
#define LIMIT_FEED_BYTES (256 * 1024 * 1024) /* a data file */
#define LIMIT_FEED_ROWS 10000000
#define LIMIT_FEED_FIELD_BYTES (64 * 1024)
#define LIMIT_VUS 1000000                       /* virtual users of one scenario over the fleet */
#define LIMIT_RATE_PER_S 100000000              /* arrivals a second of one scenario over the fleet */
#define LIMIT_PRODUCERS 100000                  /* Kafka clients of one scenario over the fleet */
#define LIMIT_CONNECTIONS 100000                /* PostgreSQL connections of one target over the fleet */
#define LIMIT_PAYLOAD_BYTES (100 * 1024 * 1024) /* of a produced message */
#define LIMIT_GROUPS 100000                     /* maxGroups may not exceed it */
#define LIMIT_BUCKET_EDGES 15                   /* edges of the response-time buckets */

/* The wire. */
#define LIMIT_MESSAGE_BYTES (64 * 1024)      /* one frame */
#define LIMIT_WHOLE_BYTES (64 * 1024 * 1024) /* a message put together from parts */
#define LIMIT_PART_BYTES (60 * 1024)         /* payload of one part: leaves room for its envelope */
#define LIMIT_MESSAGE_DEPTH 8                /* nesting of msgpack containers */
#define LIMIT_AGENTS 20000
#define LIMIT_TAGS 32                         /* of an agent or of a run */
#define LIMIT_SERIES 2000000                  /* of an incarnation */
#define LIMIT_LABEL_BYTES 512                 /* a group or label on the wire; longer ones are cut by the agent */
#define LIMIT_TEXT_BYTES 4096                 /* a text that a peer says of itself: versions, topologies, reasons */
#define LIMIT_LISTED 64                       /* libraries or limits that an agent lists */
#define LIMIT_FILES 256                       /* data files of a plan */
#define LIMIT_VALUES 1000                     /* that the setups of a run find out */
#define LIMIT_MOVES 65536                     /* moves that hold for an agent; likewise extras */
#define LIMIT_CELL_BYTES (512 * 1024)         /* one encoded cell: a histogram with every bucket filled */
#define LIMIT_LEDGER_BYTES (16 * 1024 * 1024) /* what became of an agent's messages, in one snapshot */
#define LIMIT_RUN_SECONDS 315360000           /* 10 years, as a duration's limit */
#define LIMIT_CORES 65536                     /* of an agent's host; also of its workers */
#define LIMIT_ASSEMBLED_BYTES                                                                                          \
	(512 * 1024 * 1024) /* of all peers' unfinished messages together; and of what is queued for them */

/* Errors and series in a report. */
#define LIMIT_ERROR_TEXTS 100 /* distinct error texts a step, then "other" */
#define LIMIT_ERROR_TEXT_BYTES 256

/* Answers of targets. */
#define LIMIT_HTTP_BODY_KEPT (16 * 1024 * 1024) /* of a body that a check or a save reads */
#define LIMIT_COOKIES 50                        /* of one virtual user; RFC 6265 asks for at least 50 a domain */
#define LIMIT_COOKIE_BYTES 4096                 /* a cookie with its attributes */
