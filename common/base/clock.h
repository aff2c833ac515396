/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic time in ns; the wall clock only for labels. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define CLOCK_NEVER UINT64_MAX /* a deadline that never comes */

/* CLOCK_MONOTONIC now. Never fails. */
uint64_t clock_now_ns(void);
/* CLOCK_REALTIME now, ns since the Unix epoch: for labels in reports and file names alone. */
int64_t clock_wall_ns(void);
/* CPU time of the whole process. */
uint64_t clock_process_cpu_ns(void);
/* A condition whose timed waits are until a monotonic time, which clock_timespec() gives. */
void clock_condition_init(pthread_cond_t *condition);
struct timespec clock_timespec(uint64_t at_ns);
