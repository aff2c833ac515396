/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a run writes into. */
#pragma once

#include "common/base/failure.h"

/* Makes `wanted`, or runs/<time>-<name>/ if it is NULL (with -2, -3 ... if that exists). A wanted folder may exist, but
 * hold nothing that a run would replace: -EEXIST. The path is *ret_path, to be freed. Blocks on the file system. */
int run_folder_make(const char *wanted, const char *plan_name, struct failure *failure, char **ret_path);
