/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who is connected, and who makes room for another: the client whose latest request (or, without one, whose
 * connection) is the oldest. A client that only holds its connection therefore keeps no other client out,
 * however many connections it has, and whatever it sends without finishing a request. Pure: closes nothing.
 */

#include <stdbool.h>
#include <stddef.h>

/* Of one connection. Zeroed: not seated. */
struct seat {
	struct seat *older, *newer;
	bool seated;
	int fd;      /* borrowed */
	char *text;  /* the answer that the client has not taken yet; owned; NULL: none */
	size_t held; /* memory of text, bytes */
};

struct seats {
	struct seat *oldest, *newest;
	size_t n;
	size_t held; /* by all answers, bytes */
};

/* Seats a new connection, or one that asks again, as the newest. */
void seats_put(struct seats *all, struct seat *s);
/* Takes the text as the seat's answer. */
void seats_hold(struct seats *all, struct seat *s, char *text, size_t held);
/* The client has taken its answer, or shall not get it. Without an answer nothing happens. */
void seats_drop(struct seats *all, struct seat *s);
/* Its answer goes as well. A seat that is not seated stays so. */
void seats_remove(struct seats *all, struct seat *s);

/* Who leaves while there are more than max; NULL: no client has to leave. */
struct seat *seats_over(const struct seats *all, size_t max);
/* Who leaves while answers hold max or more; never but. NULL: no client has to leave, or no other holds an answer. */
struct seat *seats_full(const struct seats *all, size_t max, const struct seat *but);
