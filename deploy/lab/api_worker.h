/* SPDX-License-Identifier: Apache-2.0 */
/* One thread of the stock API: its connections, and the requests whose latency goes by. */
#pragma once

#include <stdint.h>

#include "deploy/lab/api.h"

struct api_worker;

/* Serves connections of `listen_fd` (non-blocking, shared by workers) on a thread of its own. Requests are numbered
 * from *numbers, which is shared as well. All three outlive it. */
int api_worker_start(const struct api_config *config, int listen_fd, _Atomic uint64_t *numbers,
                     struct api_worker **ret_worker);
/* Answers at once what is delayed, waits until all is sent (a second at most), ends the connections and adds what
 * the worker has counted to *counters. Once only. */
void api_worker_finish(struct api_worker *worker, struct api_counters *counters);
/* Accepts NULL. Returns NULL. */
struct api_worker *api_worker_free(struct api_worker *worker);
