/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* divvyd, for a run: started, asked, and ended. */

#include "scheduler.h"

/* 0 or negative errno with a text. */
int divvy_start(struct scheduling *s, struct errtext *e);
void divvy_stop(struct scheduling *s);
/* divvy VERB --json; the caller's to free. 0; -ESRCH: divvyd does not run; another negative errno. */
int divvy_ask(struct scheduling *s, const char *verb, char **json);
