/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler of templates knows of names, beyond the slots. Internal to common/plan/. */
#pragma once

#include <stddef.h>

#include "common/plan/template.h"

/* Letters, digits, _ - . , not starting with a digit. */
_Bool template_name_is_valid(const char *name, size_t size);
/* The name that {{word}} probably meant: one with a slot or a built-in. NULL if none is near or there is no memory. */
const char *template_names_nearest(const struct template_names *names, const char *word);
