/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's database. Its 60 days are fixed, so that a query gives the same rows on every machine and day. */
#include "deploy/lab/schema.h"

const char schema_tables[] = "CREATE TABLE stocks (\n"
                             "  symbol   text PRIMARY KEY,\n"
                             "  name     text NOT NULL,\n"
                             "  market   text NOT NULL,\n"
                             "  industry text NOT NULL,\n"
                             "  price    numeric(14,2) NOT NULL\n"
                             ");\n"
                             "CREATE TABLE stock_data (\n"
                             "  symbol text NOT NULL,\n"
                             "  name   text NOT NULL,\n"
                             "  date   date NOT NULL,\n"
                             "  open   numeric(14,2) NOT NULL,\n"
                             "  high   numeric(14,2) NOT NULL,\n"
                             "  low    numeric(14,2) NOT NULL,\n"
                             "  close  numeric(14,2) NOT NULL,\n"
                             "  volume bigint NOT NULL\n"
                             ");\n"
                             "CREATE TABLE technical_indicators (\n"
                             "  symbol           text NOT NULL,\n"
                             "  calculation_date date NOT NULL,\n"
                             "  sma_5            numeric(14,2),\n"
                             "  sma_20           numeric(14,2),\n"
                             "  rsi_14           numeric(5,2),\n"
                             "  PRIMARY KEY (symbol, calculation_date)\n"
                             ");\n"
                             "ALTER TABLE stocks OWNER TO " SCHEMA_CLIENT ";\n"
                             "ALTER TABLE stock_data OWNER TO " SCHEMA_CLIENT ";\n"
                             "ALTER TABLE technical_indicators OWNER TO " SCHEMA_CLIENT ";\n";

const char schema_copy_stocks[] = "COPY stocks FROM STDIN (FORMAT csv, HEADER)";

/* A price moves in two waves over the list price, each symbol's with phases of its own (from its hash); a day
 * opens where the one before closed. Laid out by symbol, so that a symbol's days lie in few pages. */
const char schema_data[] =
        "INSERT INTO stock_data\n"
        "SELECT symbol, name, DATE '2025-06-02' + day,\n"
        "       open, greatest(open, close) * 1.01, least(open, close) * 0.99, close, 10000 + (abs(hash # day * 7919) "
        "% 5000000)\n"
        "FROM (\n"
        "  SELECT symbol, name, day, hash,\n"
        "         price * (1 + 0.10 * sin((day - 1) / 7.5 + hash % 628 / 100.0) + 0.03 * sin((day - 1) * 1.7 + hash % "
        "417))\n"
        "           AS open,\n"
        "         price * (1 + 0.10 * sin(day / 7.5 + hash % 628 / 100.0) + 0.03 * sin(day * 1.7 + hash % 417)) AS "
        "close\n"
        "  FROM (SELECT symbol, name, price::float8, hashtext(symbol) AS hash FROM stocks) AS listed,\n"
        "       generate_series(0, 59) AS day\n"
        ") AS moves\n"
        "ORDER BY symbol, day;\n"
        "ALTER TABLE stock_data ADD PRIMARY KEY (symbol, date);\n"
        "CREATE INDEX stock_data_date ON stock_data (date);\n"
        "CREATE INDEX stocks_industry ON stocks (industry);\n"
        "INSERT INTO technical_indicators (symbol, calculation_date, sma_5, sma_20)\n"
        "SELECT symbol, max(date), avg(close) FILTER (WHERE date > DATE '2025-07-26'), avg(close)\n"
        "FROM stock_data WHERE date > DATE '2025-07-11' GROUP BY symbol;\n";

const char schema_vacuum[] = "VACUUM (ANALYZE, FREEZE)";

const char schema_statistics[] =
        "SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(rows), 0)::bigint\n"
        "FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid WHERE r.rolname = '" SCHEMA_CLIENT "'";
