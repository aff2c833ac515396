/* SPDX-License-Identifier: Apache-2.0 */
/* The table of drivers. */
#include "agent/drivers/driver.h"

#include "agent/drivers/http/http.h"
#include "agent/drivers/kafka/kafka.h"
#include "agent/drivers/null/null.h"
#include "agent/drivers/postgres/postgres.h"

const struct driver_ops *const drivers[TARGET_KIND_COUNT] = {
        [TARGET_NULL] = &null_driver,
        [TARGET_KAFKA] = &kafka_driver,
        [TARGET_HTTP] = &http_driver,
        [TARGET_POSTGRES] = &postgres_driver,
};
