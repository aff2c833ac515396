/* SPDX-License-Identifier: Apache-2.0 */
/* How many VUs a closed scenario wants over time: whole numbers, read straight from the scenario. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"

/* Where its schedule ends. */
uint64_t vu_curve_end_ns(const struct scenario *scenario);
/* VUs wanted at a time; 0 from the end on. */
uint32_t vu_curve_at(const struct scenario *scenario, uint64_t at_ns);
/* The highest number it ever wants. */
uint32_t vu_curve_peak(const struct scenario *scenario);
/* As schedule_vu_span(). */
_Bool vu_curve_span(const struct scenario *scenario, uint32_t vu, uint64_t from_ns, uint64_t *ret_start_ns,
                    uint64_t *ret_end_ns);
